// Sends each operation's form to this server, and shows the answer beside it. The secret stays in this tab.
const secret = document.querySelector("#secret");
secret.value = sessionStorage.getItem("secret") ?? "";
secret.addEventListener("input", () => sessionStorage.setItem("secret", secret.value));
document.querySelectorAll(".try, .secret").forEach((part) => { part.hidden = false; });

function target(form) {
  let path = form.dataset.path;
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    const [where, key] = name.split(":");
    if (where === "path") path = path.replace(`{${key}}`, encodeURIComponent(value));
    if (where === "query" && value) query.set(key, value);
  }
  return query.size ? `${path}?${query}` : path;
}

function request(form) {
  const headers = secret.value ? { Authorization: `Bearer ${secret.value}` } : {};
  const body = form.elements.body?.value;
  if (body) headers["Content-Type"] = "application/json";
  return { method: form.dataset.method, headers, body: body || undefined };
}

function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

async function send(event) {
  event.preventDefault();
  const form = event.target;
  const output = form.querySelector("output");
  const began = performance.now();
  try {
    const answer = await fetch(target(form), request(form));
    const text = pretty(await answer.text());
    output.textContent = `${answer.status} ${answer.statusText} in ${Math.round(performance.now() - began)} ms\n\n${text}`;
  } catch (error) {
    output.textContent = `No answer: ${error.message}`;
  }
}

document.querySelectorAll(".try form").forEach((form) => form.addEventListener("submit", send));
