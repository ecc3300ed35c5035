// Seconds until a moment, counted down in the page; everything else is done by the server and htmx.
"use strict";
function tick() {
  for (const element of document.querySelectorAll("[data-until]")) {
    const left = Math.max(0, (Date.parse(element.dataset.until) - Date.now()) / 1000);
    element.textContent = left > 0 ? `${Math.ceil(left)} s` : element.dataset.then || "now";
  }
}
setInterval(tick, 250);
document.addEventListener("htmx:afterSettle", tick);
document.addEventListener("DOMContentLoaded", tick);
// What is open stays open, and a form that is open is not replaced under one's hands.
let open = [];
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const shown = [...event.detail.target.querySelectorAll("details[open]")];
  if (shown.some((details) => details.querySelector("form"))) event.detail.shouldSwap = false;
  // What is the same stays, above all a frame, which would load anew.
  if (event.detail.fragment?.firstElementChild?.isEqualNode(event.detail.target)) event.detail.shouldSwap = false;
  open = shown.map((details) => details.id).filter(Boolean);
});
document.addEventListener("htmx:oobAfterSwap", () => {
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  tick();
});
// Choices that take effect at once, such as the app that is shown.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});
// The style's preview follows the form: it is sent once into each frame, and nothing is stored.
let waiting;
function preview(form) {
  const fields = new FormData(form);
  for (const [frame, scheme] of [["look-light", "light"], ["look-dark", "dark"], ["look-phone", "light"]]) {
    const copy = document.createElement("form");
    copy.hidden = true;
    copy.method = "post";
    copy.action = form.dataset.preview;
    copy.target = frame;
    for (const [name, value] of [...fields, ["scheme", scheme]]) {
      const field = document.createElement("input");
      field.type = "hidden";
      field.name = name;
      field.value = value;
      copy.append(field);
    }
    document.body.append(copy);
    copy.submit();
    copy.remove();
  }
}
document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-preview]");
  if (!form) return;
  clearTimeout(waiting);
  waiting = setTimeout(preview, 400, form);
});
document.addEventListener("DOMContentLoaded", () => {
  for (const form of document.querySelectorAll("form[data-preview]")) preview(form);
});
