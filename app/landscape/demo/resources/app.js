// The page: two lists side by side, one change, who is logged in, and the way of the last call.

import { change, read } from "./calls.js";
import { show } from "./hops.js";

const ONPREMISE = "/onpremise/sap/opu/odata/sap/ZSHOP_SRV/";
const CLOUD = "/sap/opu/odata4/sap/api_shop/srvd_a2x/sap/shop/0001/";

const byId = (id) => document.getElementById(id);
const cloud = () => byId("cloud-as").value + CLOUD;
let lastSequence = 0;

/** Run something the user asked for: one at a time per button, problems shown. */
async function run(button, work) {
  if (button) {
    button.disabled = true;
    byId("problem").hidden = true;
  }
  try {
    await work();
  } catch (error) {
    byId("problem").textContent = error.origin ? `${error.status} (${error.origin}): ${error.message}` : String(error);
    byId("problem").hidden = false;
  } finally {
    if (button) button.disabled = false;
  }
}

/** What the platform was asked without a correlation id since the last call; how others get their keys is no hop. */
const isHop = ({ kind, detail, correlation_id: id }) => !id && kind !== "token-keys" && detail.destination !== "journal";

async function drawHops(call) {
  const { data } = await read(`/journal/journal?since=${lastSequence}`);
  const mine = data.filter((entry) => entry.correlation_id === call.id || isHop(entry));
  lastSequence = data.reduce((latest, entry) => Math.max(latest, entry.sequence), lastSequence);
  byId("hops-call").textContent = `${call.method} ${call.path}`;
  show(call, mine, byId("hops"), byId("hop-list"));
}

function row(values, action) {
  const line = document.createElement("tr");
  for (const [text, style] of values) {
    const cell = line.insertCell();
    cell.textContent = text ?? "";
    cell.className = style;
  }
  line.insertCell().append(action);
  return line;
}

/** A product of either system; `order` changes its stock. */
function productRow(product, changed, order) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "+ 1";
  button.setAttribute("aria-label", `Add one ${product.Name} to the stock`);
  button.addEventListener("click", () => run(button, order));
  const line = row(
    [
      [product.Name, ""],
      [`${Number(product.Price).toFixed(2)} ${product.Currency}`, "number"],
      [product.Stock, "number stock"],
      [product.ChangedBy, "changed"],
    ],
    button,
  );
  line.dataset.product = product.ProductID;
  if (product.ProductID === changed) line.className = "fresh";
  return line;
}

async function loadOnPremise(changed) {
  const { data, call } = await read(`${ONPREMISE}Products?$format=json&$orderby=ProductID`);
  const order = (product) => async () => {
    const path = `Products('${product.ProductID}')`;
    const done = await change("PATCH", ONPREMISE, path, { Stock: product.Stock + 1 });
    await loadOnPremise(product.ProductID);
    await drawHops(done.call);
  };
  const rows = data.d.results.map((product) => productRow(product, changed, order(product)));
  byId("onpremise-rows").replaceChildren(...rows);
  return call;
}

async function loadCloud(changed) {
  const { data, call } = await read(`${cloud()}Products?$orderby=ProductID`);
  const order = (product) => async () => {
    const path = `Products('${product.ProductID}')`;
    const match = { "if-match": product["@odata.etag"] };
    const done = await change("PATCH", cloud(), path, { Stock: product.Stock + 1 }, match);
    await loadCloud(product.ProductID);
    await drawHops(done.call);
  };
  byId("cloud-rows").replaceChildren(...data.value.map((product) => productRow(product, changed, order(product))));
  return call;
}

async function showUser() {
  const { data } = await read("/user-api/currentUser");
  byId("user").textContent = data.displayName ?? data.name ?? "nobody";
  byId("user-scopes").textContent = (data.scopes ?? []).map((scope) => scope.split(".").pop()).join(" · ");
}

async function showService(exchange) {
  const { data, call } = await exchange;
  byId("service-answer").textContent = typeof data === "string" ? data : JSON.stringify(data, null, 2);
  await drawHops(call);
}

function onClick(id, work) {
  byId(id).addEventListener("click", () => run(byId(id), work));
}

onClick("onpremise-reload", async () => drawHops(await loadOnPremise()));
onClick("cloud-reload", async () => drawHops(await loadCloud()));
onClick("service-ask", () => showService(read("/service/whoami")));
onClick("service-send", () => showService(change("POST", "/service/", "echo", { greeting: "hello" })));
byId("cloud-as").addEventListener("change", () => run(byId("cloud-reload"), async () => drawHops(await loadCloud())));

await run(null, showUser);
await run(null, async () => drawHops(await loadCloud()));
await run(null, async () => drawHops(await loadOnPremise()));
