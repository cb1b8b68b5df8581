// Starts Swagger UI; a file of its own because the page's policy forbids inline scripts.
"use strict";
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  layout: "BaseLayout",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  // The public validator is on another host.
  validatorUrl: null,
  // A token is not left behind in the browser.
  persistAuthorization: false,
});
