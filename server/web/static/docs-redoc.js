// Starts ReDoc; a file of its own because the page's policy forbids inline scripts.
"use strict";
Redoc.init(
  "openapi.json",
  {
    hideDownloadButton: false,
    expandResponses: "200,201",
    // System fonts: ReDoc's own would come from another host.
    theme: {
      typography: {
        fontFamily: "system-ui, sans-serif",
        headings: { fontFamily: "system-ui, sans-serif" },
        code: { fontFamily: "ui-monospace, monospace" },
      },
    },
  },
  document.getElementById("api"),
);
