// Reads HTTPRoutes, one a line as JSON, and answers each with a line: a JSON text of its faults, empty if there are none.
// The models take fields that they do not know, a strict API server does not; so it is watched which fields they read.

import { createInterface } from "node:readline";
import { validate } from "@kubernetes-models/gateway-api/_schemas/IoK8sSigsGatewayApiApisV1HTTPRoute";
import { runValidateFunc } from "@kubernetes-models/validate";

/** The value as it is; the fields in it that nobody has read yet are in `unread`, by their paths. */
function watched(value, path, unread) {
  if (typeof value !== "object" || value === null) return value;
  const inner = Array.isArray(value) ? [] : {};
  for (const [name, each] of Object.entries(value)) {
    if (!Array.isArray(value)) unread.add(`${path}/${name}`);
    inner[name] = watched(each, `${path}/${name}`, unread);
  }
  const get = (target, name) => {
    unread.delete(`${path}/${String(name)}`);
    return target[name];
  };
  return new Proxy(inner, { get });
}

function faults(route) {
  const unread = new Set();
  const found = [];
  try {
    runValidateFunc(validate, watched(route, "data", unread));
  } catch (error) {
    if (!error.errors) throw error; // not the models' verdict
    found.push(error.message);
  }
  // Kubernetes' own metadata has fields of any name (managedFields).
  const strange = [...unread].filter((path) => !path.startsWith("data/metadata/"));
  return [...found, ...strange.map((path) => `${path} is no field`)].join(", ");
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(faults(JSON.parse(line)))}\n`);
}
