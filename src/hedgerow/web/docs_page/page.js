// Draws the OpenAPI schema that this server describes itself with. Text goes in as text: nothing from the schema is markup.
"use strict";

const $ = (id) => document.getElementById(id);
const METHODS = ["get", "post", "put", "patch", "delete"];
let schema = { components: { schemas: {} } };

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// `words between backticks` become code.
const withCode = (text) => text.split("`").map((part, place) => (place % 2 ? make("code", {}, part) : part));

function resolved(part) {
  let at = part || {};
  for (let hops = 0; at.$ref && hops < 20; hops++) {
    at = at.$ref.split("/").slice(1).reduce((found, key) => (found || {})[key.replace(/~1/g, "/")], schema) || {};
  }
  return at;
}

function typeText(part) {
  const at = resolved(part);
  const either = at.anyOf || at.oneOf;
  if (either) return [...new Set(either.map(typeText))].join(" | ");
  if (at.const !== undefined) return JSON.stringify(at.const);
  if (at.enum) return at.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (at.type === "array") return `array of ${typeText(at.items)}`;
  if (at.format) return `${at.type} (${at.format})`;
  return Array.isArray(at.type) ? at.type.join(" | ") : at.type || at.title || "any";
}

function example(part, depth = 0) {
  const at = resolved(part);
  if (at.example !== undefined) return at.example;
  if (at.examples && at.examples.length) return at.examples[0];
  if (at.default !== undefined) return at.default;
  if (at.const !== undefined) return at.const;
  if (at.enum) return at.enum[0];
  if (depth > 4) return null;
  const either = at.anyOf || at.oneOf;
  if (either) return example(either.find((one) => resolved(one).type !== "null") || either[0], depth + 1);
  if (at.allOf) return Object.assign({}, ...at.allOf.map((one) => example(one, depth + 1)));
  if (at.type === "object" || at.properties) {
    const needed = Object.entries(at.properties || {}).filter(([name]) => (at.required || []).includes(name));
    const shown = needed.length ? needed : Object.entries(at.properties || {}).slice(0, 6);
    return Object.fromEntries(shown.map(([name, value]) => [name, example(value, depth + 1)]));
  }
  if (at.type === "array") return at.items ? [example(at.items, depth + 1)] : [];
  const plain = { integer: 1, number: 1.5, boolean: true, string: "text" };
  if (at.format === "uuid") return "00000000-0000-0000-0000-000000000000";
  if (at.format === "date-time") return "2026-01-31T09:00:00Z";
  return plain[at.type] ?? null;
}

function table(rows) {
  return make("table", {}, make("tbody", {}, ...rows));
}

function row(name, part, required, text) {
  const named = make("code", { class: required ? "required" : undefined }, name);
  return make("tr", {}, make("td", {}, named), make("td", { class: "type" }, typeText(part)), make("td", {}, ...withCode(text || "")));
}

function fieldRows(part) {
  const at = resolved(part);
  return Object.entries(at.properties || {}).map(([name, value]) =>
    row(name, value, (at.required || []).includes(name), value.description || resolved(value).description));
}

function bodyOf(operation) {
  const [type, media] = Object.entries(resolved(operation.requestBody).content || {})[0] || [];
  return type ? { type, schema: media.schema, sample: media.example ?? example(media.schema) } : null;
}

function filled(path, values) {
  return path.replace(/\{([^}]+)\}/g, (whole, name) =>
    values[name] || (name === "project_id" ? $("project").value || "@current" : whole));
}

const quoted = (text) => `'${text.replace(/'/g, "'\\''")}'`;

function curlText(method, path, body, values = {}) {
  const parts = ["curl"];
  if (method !== "get") parts.push("-X", method.toUpperCase());
  parts.push("-H", quoted(`Authorization: Bearer ${$("key").value || "$KEY"}`).replace("'Authorization: Bearer $KEY'", '"Authorization: Bearer $KEY"'));
  if (body && body.type === "application/json") {
    parts.push("-H 'Content-Type: application/json'", "-d", quoted(JSON.stringify(body.sample)));
  } else if (body) {
    parts.push(...Object.keys(resolved(body.schema).properties || { file: 0 }).map((name) => `-F ${name}=${name === "file" ? "@data.csv" : "…"}`));
  }
  return [...parts, quoted(location.origin + filled(path, values) + "/")].join(" ");
}

function curl(method, path, body) {
  const line = make("code");
  const draw = () => { line.textContent = curlText(method, path, body); };
  for (const id of ["key", "project"]) $(id).addEventListener("input", draw);
  draw();
  const copy = make("button", { type: "button", onclick: async () => {
    await navigator.clipboard.writeText(line.textContent);
    copy.textContent = "Copied";
    setTimeout(() => { copy.textContent = "Copy"; }, 1200);
  } }, "Copy");
  return make("div", { class: "curl" }, make("pre", {}, line), copy);
}

function tryIt(method, path, operation, body) {
  const names = (operation.parameters || []).map(resolved).filter((one) => one.name !== "project_id" && one.in !== "header");
  const inputs = new Map(names.map((one) => [one, make("input", { placeholder: typeText(one.schema) })]));
  const text = body && body.type === "application/json" ? make("textarea", { "aria-label": "Body", spellcheck: "false" }) : null;
  if (text) text.value = JSON.stringify(body.sample, null, 2);
  const answer = make("pre", { hidden: "" });
  const send = async () => {
    const values = {}, query = new URLSearchParams();
    for (const [one, input] of inputs) {
      if (!input.value) continue;
      if (one.in === "path") values[one.name] = encodeURIComponent(input.value);
      else query.append(one.name, input.value);
    }
    const headers = { Authorization: `Bearer ${$("key").value}` };
    if (text) headers["Content-Type"] = "application/json";
    answer.hidden = false;
    answer.textContent = "…";
    try {
      const url = filled(path, values) + "/" + (query.size ? `?${query}` : "");
      const got = await fetch(url, { method: method.toUpperCase(), headers, body: text ? text.value : undefined });
      const raw = await got.text();
      let shown = raw;
      try { shown = JSON.stringify(JSON.parse(raw), null, 2); } catch { /* not JSON: shown as it came */ }
      answer.textContent = `${got.status} ${got.statusText}\n\n${shown.slice(0, 20000)}`;
    } catch (problem) {
      answer.textContent = String(problem);
    }
  };
  const fields = [...inputs].map(([one, input]) => make("label", {}, one.name, input));
  return make("details", { class: "try" }, make("summary", {}, "Send it from here"),
    make("div", { class: "fields" }, ...fields), text, make("button", { type: "button", onclick: send }, "Send"), answer);
}

function pathNode(path) {
  const parts = path.split(/(\{[^}]+\})/).map((part) => (part.startsWith("{") ? make("b", {}, part) : part));
  return make("span", { class: "path" }, ...parts);
}

function operationNode({ path, method, operation, id }) {
  const body = bodyOf(operation);
  const parameters = (operation.parameters || []).map(resolved);
  const answers = Object.entries(operation.responses || {}).filter(([status]) => status.startsWith("2"));
  const node = make("section", { class: "operation", id },
    make("h3", {}, operation.summary || operation.operationId),
    make("div", { class: "line" }, make("span", { class: `method ${method}` }, method), pathNode(path),
      operation["x-scope"] ? make("span", { class: "scope", title: "The scope a key needs" }, operation["x-scope"]) : null),
    operation.description ? make("p", {}, ...withCode(operation.description)) : null);
  if (parameters.length) {
    node.append(make("h4", {}, "Parameters"),
      table(parameters.map((one) => row(one.name, one.schema, one.required, one.description || one.in))));
  }
  if (body) {
    const rows = fieldRows(body.schema);
    node.append(make("h4", {}, `Body · ${body.type}`), rows.length ? table(rows) : make("p", { class: "none" }, typeText(body.schema)));
  }
  for (const [status, answer] of answers) {
    const part = Object.values(answer.content || {})[0];
    const rows = part ? fieldRows(part.schema) : [];
    if (rows.length) node.append(make("h4", {}, `Answer · ${status}`), table(rows));
  }
  node.append(make("h4", {}, "curl"), curl(method, path, body), tryIt(method, path, operation, body));
  return node;
}

function operations() {
  const found = [];
  for (const [path, item] of Object.entries(schema.paths || {})) {
    for (const method of METHODS.filter((one) => item[one])) {
      const operation = item[method];
      found.push({ path, method, operation, id: operation.operationId, tag: (operation.tags || ["other"])[0] });
    }
  }
  return found;
}

function drawNav(all, words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = ({ path, method, operation, tag }) => {
    const text = `${method} ${path} ${operation.summary || ""} ${operation.description || ""} ${tag}`.toLowerCase();
    return wanted.every((word) => text.includes(word));
  };
  const nav = $("nav");
  nav.replaceChildren();
  let tag = "";
  for (const one of all) {
    const shown = matches(one);
    $(one.id).hidden = !shown;
    if (!shown) continue;
    if (one.tag !== tag) nav.append(make("h2", {}, (tag = one.tag).replace(/_/g, " ")));
    nav.append(make("a", { href: `#${one.id}` }, make("span", { class: `method ${one.method}` }, one.method),
      one.operation.summary || one.path));
  }
  for (const group of document.querySelectorAll(".group")) {
    group.hidden = !group.querySelector(".operation:not([hidden])");
  }
  if (!nav.children.length) nav.append(make("p", { class: "none" }, "No route matches."));
}

function draw() {
  const all = operations();
  const order = [...new Set(all.map((one) => one.tag))];
  all.sort((a, b) => order.indexOf(a.tag) - order.indexOf(b.tag));
  $("version").textContent = schema.info.version;
  $("intro").replaceChildren(make("h1", {}, schema.info.title + " API"),
    ...String(schema.info.description || "").split("\n\n").map((text) => make("p", {}, ...withCode(text))),
    make("p", {}, make("a", { href: "/api/schema/" }, "OpenAPI schema (JSON)")));
  const box = $("operations");
  box.replaceChildren();
  for (const tag of order) {
    const shown = all.filter((one) => one.tag === tag).map(operationNode);
    box.append(make("section", { class: "group" }, make("h2", {}, tag.replace(/_/g, " ")), ...shown));
  }
  drawNav(all, "");
  $("search").addEventListener("input", (event) => drawNav(all, event.target.value));
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

for (const id of ["key", "project"]) {
  $(id).value = sessionStorage.getItem(`hedgerow.${id}`) || $(id).value;
  $(id).addEventListener("input", (event) => sessionStorage.setItem(`hedgerow.${id}`, event.target.value));
}
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !/input|textarea/i.test(document.activeElement.tagName)) {
    event.preventDefault();
    $("search").focus();
  }
});
fetch("/api/schema/").then((answer) => answer.json()).then((found) => { schema = found; draw(); })
  .catch((problem) => { $("operations").textContent = `The schema could not be read: ${problem}`; });
