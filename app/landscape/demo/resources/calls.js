// Calls through the gateway. Each carries a correlation id of its own, under which the journal knows it.

const NAMES = ["x-correlationid", "x-correlation-id", "x-request-id"];
const tokens = new Map();

/** A call the gateway or a system behind it refused; `origin` is the hop that failed. */
export class Refused extends Error {
  constructor(status, origin, message) {
    super(message);
    this.status = status;
    this.origin = origin;
  }
}

function newId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function send(method, path, { body, headers = {} } = {}) {
  const id = newId();
  const started = performance.now();
  const answer = await fetch(path, {
    method,
    headers: { accept: "application/json", "x-requested-with": "XMLHttpRequest", [NAMES[0]]: id, ...headers },
    body,
  });
  const known = NAMES.map((name) => answer.headers.get(name)).find(Boolean);
  return { answer, call: { id: known ?? id, method, path, status: answer.status, ms: performance.now() - started } };
}

async function checked({ answer, call }) {
  if (answer.status === 401 && answer.headers.get("x-error-origin") === "session") {
    location.reload(); // the session has ended: the page's own address leads to the login
  }
  const text = await answer.text();
  const isJson = /json/.test(answer.headers.get("content-type") ?? "");
  const data = isJson && text ? JSON.parse(text) : text;
  if (!answer.ok) {
    const origin = answer.headers.get("x-error-origin") ?? "backend";
    throw new Refused(answer.status, origin, data.detail ?? data.error?.message?.value ?? data.error?.message ?? text);
  }
  return { data, call, headers: answer.headers };
}

/** GET; returns the data, the call and the headers of the answer. Throws Refused. */
export async function read(path) {
  return checked(await send("GET", path));
}

/** Change something below `service`, whose address also hands out the CSRF token. Throws Refused. */
export async function change(method, service, path, body, headers = {}) {
  for (let fresh = false; ; fresh = true) {
    const token = await tokenFor(service, fresh);
    const sent = { "content-type": "application/json", "x-csrf-token": token, ...headers };
    const exchange = await send(method, service + path, { body: JSON.stringify(body), headers: sent });
    const wanted = exchange.answer.headers.get("x-csrf-token")?.toLowerCase() === "required";
    if (!(exchange.answer.status === 403 && wanted) || fresh) {
      return checked(exchange);
    }
  }
}

/** The CSRF token: the system's own, or the gateway's where the route is protected by it. */
async function tokenFor(service, fresh) {
  if (fresh || !tokens.has(service)) {
    const { answer } = await send("GET", service, { headers: { "x-csrf-token": "fetch" } });
    tokens.set(service, answer.headers.get("x-csrf-token") ?? "");
  }
  return tokens.get(service);
}
