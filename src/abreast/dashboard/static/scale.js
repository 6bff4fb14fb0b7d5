/** Axes: nice ends, ticks, and the buckets of a distribution on a logarithmic one. */

const PER_DECADE = 12;
const SMALLEST_MS = 0.01;
const WIDTH = 10 ** (1 / PER_DECADE);

/** The next 1, 2 or 5 times a power of ten that is not below `value`, and at least `least`. */
export function niceTop(value, least) {
  if (!(value > least)) return least;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= value * (1 - 1e-9));
}

/** The whole decades around the distributions, in log10 of milliseconds; two at least. */
export function decades(distributions) {
  const bounds = distributions.flatMap((pairs) => pairs.filter((pair) => pair[1] > 0).map((pair) => pair[0]));
  if (!bounds.length) return [0, 3];
  const low = Math.floor(Math.log10(Math.max(Math.min(...bounds), SMALLEST_MS)) + 1e-9);
  const high = Math.ceil(Math.log10(Math.max(...bounds, SMALLEST_MS) * WIDTH) - 1e-9);
  return [low, Math.max(high, low + 2)];
}

/** Each bucket as its ends (log10 of milliseconds) and its share of all requests. */
export function bars(pairs) {
  const all = pairs.reduce((sum, pair) => sum + pair[1], 0);
  return pairs.filter((pair) => pair[1] > 0).map(([ms, requests]) => {
    const from = Math.log10(Math.max(ms, SMALLEST_MS));
    return { from, to: from + 1 / PER_DECADE, share: requests / all };
  });
}

/** Round moments (Unix seconds) between the two, every `step_s`. */
export function moments(from_s, to_s, step_s) {
  const found = [];
  for (let at = Math.ceil(from_s / step_s) * step_s; at <= to_s; at += step_s) found.push(at);
  return found;
}

/** A line as the `d` of a path; a value of null breaks it. */
export function pathOf(pairs, x, y) {
  let text = "";
  let pen = "M";
  for (const [at, value] of pairs) {
    if (value === null) {
      pen = "M";
      continue;
    }
    text += `${pen}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = "L";
  }
  return text;
}

/** Steps as the `d` of a path: each value holds until the next. */
export function stepsOf(pairs, x, y) {
  return pairs.map(([at, value], index) => {
    const [left, top] = [x(at).toFixed(1), y(value).toFixed(1)];
    return index === 0 ? `M${left} ${top}` : `H${left}V${top}`;
  }).join("");
}
