// Known plates: what is said shows at once.
import "./sending.js";

document.addEventListener("acted", () => location.reload());
