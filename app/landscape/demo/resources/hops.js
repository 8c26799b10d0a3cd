// The way of a call as a picture: lanes for the stations, an arrow for everything the journal has about the call.

const SVG = "http://www.w3.org/2000/svg";
const LANE = 204, ROW = 62, TOP = 58, MARGIN = 92;

const STATIONS = {
  browser: "Browser",
  gateway: "Gateway",
  xsuaa: "XSUAA",
  "destination-service": "Destination service",
  "connectivity-proxy": "Connectivity proxy",
  "cloud-connector": "Cloud Connector",
  "s4-onpremise": "S/4HANA on-premise",
  "s4-cloud": "S/4HANA Cloud",
  microservice: "Microservice",
};
const BROWSER_ASKS = new Set(["authorize", "login", "login-refused", "logout"]);
const CALLED_BY = { "cloud-connector": "connectivity-proxy", "s4-onpremise": "cloud-connector" };

const GRANTS = {
  "urn:ietf:params:oauth:grant-type:jwt-bearer": "exchange of the user's token",
  "urn:ietf:params:oauth:grant-type:saml2-bearer": "SAML assertion → token",
  client_credentials: "technical token",
  authorization_code: "code → token",
  refresh_token: "refresh",
};

/** A client id without the service instance's own part. */
const shortClient = (id = "") => id.split("|").pop();
const shortPath = (path = "") => "…/" + path.split("?")[0].split("/").filter(Boolean).slice(-1).join("");

/** What one journal entry says: what was asked, a detail, and as whom. */
function describe({ station, kind, detail, principal }) {
  const bad = /refused/.test(kind) || Boolean(detail.error) || detail.status >= 400;
  const told = { station, caller: CALLED_BY[station] ?? "gateway", what: kind, detail: "", as: principal, bad };
  if (station === "xsuaa") {
    told.caller = BROWSER_ASKS.has(kind) ? "browser" : "gateway";
    told.what = GRANTS[detail.grant_type] ?? kind.replaceAll("-", " ");
    told.detail = detail.reason ?? shortClient(detail.client_id);
    told.as = principal === detail.client_id ? "" : principal;
  } else if (station === "destination-service") {
    told.what = `find ${detail.destination}`;
    told.detail = detail.error || detail.reason || detail.authentication || "";
  } else if (station === "connectivity-proxy") {
    told.what = `${detail.method} ${detail.system}`;
    told.detail = detail.text ?? (detail.location_id ? `location id ${detail.location_id}` : shortPath(detail.path));
  } else if (station === "cloud-connector") {
    told.what = detail.certificate ? "user certificate issued" : "no principal";
    told.detail = `tunnel ${detail.connection} to ${detail.internal_host}`;
  } else {
    told.what = `${detail.method ?? kind} ${shortPath(detail.path)}`;
    told.detail = detail.by ? `shown by ${detail.by}` : "token checked";
    told.as = principal || "nobody";
  }
  return told;
}

function draw(name, attributes, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, value);
  }
  if (text !== undefined) {
    element.textContent = text;
  }
  return element;
}

const cut = (text, width) => {
  const room = Math.floor(width / 6.2);
  return text.length > room ? text.slice(0, room - 1) + "…" : text;
};

function station(name, x, height) {
  const end = name === "browser" || name === "gateway" ? " end" : "";
  return [
    draw("line", { class: "lane", x1: x, x2: x, y1: 40, y2: height - 8 }),
    draw("rect", { class: `station${end}`, x: x - 78, y: 8, width: 156, height: 30, rx: 8 }),
    draw("text", { class: `station-name${end}`, x, y: 27 }, STATIONS[name] ?? name),
  ];
}

function arrow(from, to, y, { what, detail = "", as = "", bad = false, back = false }) {
  const left = Math.min(from, to) + 10;
  const room = Math.max(Math.abs(to - from), LANE) - 18;
  const tip = to > from ? -8 : 8;
  const state = bad ? " bad" : "";
  const parts = [
    draw("text", { class: "what", x: left, y: y - 20 }, cut(what, room)),
    draw("text", { class: "detail", x: left, y: y - 6 }, cut(detail, room)),
    draw("line", { class: `arrow${state}${back ? " back" : ""}`, x1: from, x2: to + tip / 2, y1: y, y2: y }),
    draw("path", { class: `tip${state}`, d: `M${to} ${y} l${tip} -5 v10 z` }),
    draw("title", {}, [what, detail, as && `as ${as}`].filter(Boolean).join(", ")),
  ];
  if (as) {
    parts.push(draw("text", { class: "as", x: left, y: y + 14 }, cut(`as ${as}`, room)));
  }
  const group = draw("g", { class: "hop" });
  group.append(...parts);
  return group;
}

/** Draw a call from its journal entries into an element, and tell the same in a list. */
export function show(call, entries, picture, list) {
  const told = entries.map(describe);
  const seen = Object.keys(STATIONS).filter((name) => told.some((hop) => hop.station === name));
  const lanes = ["browser", "gateway", ...seen];
  const x = (name) => MARGIN + Math.max(lanes.indexOf(name), 0) * LANE;
  const caller = (hop) => (lanes.includes(hop.caller) ? hop.caller : "gateway");
  const width = MARGIN * 2 + (lanes.length - 1) * LANE;
  const height = TOP + (told.length + 2) * ROW;
  const bad = call.status >= 400;

  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-labelledby": "hops-title" });
  svg.append(...lanes.flatMap((name) => station(name, x(name), height)));
  const rows = [
    arrow(x("browser"), x("gateway"), TOP + 32, { what: call.method, detail: shortPath(call.path) }),
    ...told.map((hop, row) => arrow(x(caller(hop)), x(hop.station), TOP + 32 + (row + 1) * ROW, hop)),
    arrow(x("gateway"), x("browser"), TOP + 32 + (told.length + 1) * ROW, {
      what: String(call.status), detail: `${Math.round(call.ms)} ms`, bad, back: true,
    }),
  ];
  svg.append(...rows);
  picture.replaceChildren(svg);
  list.replaceChildren(...told.map(sentence));
}

function sentence({ station: name, what, detail, as }) {
  const item = document.createElement("li");
  item.dataset.station = name;
  item.dataset.principal = as;
  item.textContent = `${STATIONS[name] ?? name}: ${[what, detail, as && `as ${as}`].filter(Boolean).join(", ")}`;
  return item;
}
