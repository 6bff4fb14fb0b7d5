/** Asking the API: answers, problems, and how far its clock is from ours. */

const PREFIX = "/api/v1";
const TIMEOUT_S = 15;
const SKEW_MATTERS_MS = 2000;

let skew_ms = 0;

/** Unix seconds by the clock of abreast, which may not be the browser's. */
export function now() {
  return (Date.now() + skew_ms) / 1000;
}

/** What the API refused, or that it did not answer (`status` 0); `remedy` says what to do. */
class Problem extends Error {
  constructor({ status, title = "", detail, remedy = "", retry_after_s = null }) {
    super(detail);
    Object.assign(this, { status, title, detail, remedy, retry_after_s });
  }
}

/** Ask; returns the JSON of the answer, null without any. Throws Problem. */
export async function ask(method, path, { body, headers = {}, timeout_s = TIMEOUT_S } = {}) {
  const response = await reach(method, path, body, headers, timeout_s);
  const date = Date.parse(response.headers.get("date") ?? "");
  if (!Number.isNaN(date)) {
    const off_ms = date - Date.now();
    skew_ms = Math.abs(off_ms) > SKEW_MATTERS_MS ? off_ms : 0;
  }
  if (response.status === 204) return null;
  const answer = await response.json().catch(() => null);
  if (response.ok && answer !== null) return answer;
  throw problemOf(response, answer);
}

async function reach(method, path, body, headers, timeout_s) {
  const changes = method === "GET" ? {} : { "x-abreast-csrf": "1" };
  const typed = body === undefined ? {} : { "content-type": "application/json" };
  try {
    return await fetch(`${PREFIX}${path}`, {
      method,
      headers: { accept: "application/json", ...changes, ...typed, ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      credentials: "same-origin",
      signal: AbortSignal.timeout(timeout_s * 1000),
    });
  } catch (error) {
    const slow = error.name === "TimeoutError";
    throw new Problem({
      status: 0,
      title: "Unreachable",
      detail: slow ? `abreast has not answered within ${timeout_s} s` : "abreast does not answer",
      remedy: "See whether `abreast up` runs, then try again.",
    });
  }
}

function problemOf(response, answer) {
  const after = Number(response.headers.get("retry-after"));
  const told = answer !== null && typeof answer.detail === "string";
  return new Problem({
    status: response.status,
    title: told ? answer.title : "",
    detail: told ? answer.detail : `abreast answered ${response.status} without saying why`,
    remedy: told ? answer.remedy : "Look at .abreast/logs/abreast.log.",
    retry_after_s: after > 0 ? after : null,
  });
}

export const streamAddress = `${PREFIX}/stream`;
