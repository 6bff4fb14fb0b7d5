/** What is drawn over time: points kept by the second, minutes from before, and the steps of the weight. */

const MOST = 3600;
const LIVE_GAP_S = 5;
const MINUTE_GAP_S = 150;

/**
 * One second of what was seen; `seen` by version.
 * @typedef {{at: number, seen: Record<string, {rps: number, error_share: number|null, p99_ms: number|null}>}} Point
 */

/** Add a point, and forget the oldest beyond an hour of seconds. */
export function keep(points, point) {
  points.push(point);
  if (points.length > MOST * 1.1) points.splice(0, points.length - MOST);
}

/** What a status says of each version, as a point at Unix seconds. */
export function pointOf(status, at) {
  const seen = {};
  for (const version of status.versions) {
    seen[version.name] = { rps: version.rps, error_share: version.error_share, p99_ms: version.p99_ms };
  }
  return { at, seen };
}

/** What a minute from before says, in the same fields. */
const MINUTE = {
  rps: (minute) => minute.requests / 60,
  error_share: (minute) => (minute.requests ? minute.errors / minute.requests : null),
  p99_ms: (minute) => minute.p99_ms,
};

/**
 * One line of a chart, ascending: pairs of Unix seconds and value; the value null breaks the line. Points are put
 * together by `bin_s` seconds: a rate by its mean, all else by its peak, which must not vanish in a wide window.
 */
export function lineOf(points, minutes, version, field, from_s, bin_s) {
  const live = new Set(points.map((point) => Math.floor(point.at / 60)));
  const before = minutes
    .filter((minute) => minute.version === version && minute.at + 30 >= from_s && !live.has(Math.floor(minute.at / 60)))
    .map((minute) => [minute.at + 30, MINUTE[field](minute), MINUTE_GAP_S]);
  return broken([...before, ...binned(points, version, field, from_s, bin_s)].sort((a, b) => a[0] - b[0]));
}

function binned(points, version, field, from_s, bin_s) {
  const bins = new Map();
  for (let index = firstAfter(points, from_s); index < points.length; index += 1) {
    const value = points[index].seen[version]?.[field] ?? null;
    const bin = Math.floor(points[index].at / bin_s);
    const values = bins.get(bin) ?? [];
    if (value !== null) values.push(value);
    bins.set(bin, values);
  }
  const gap_s = Math.max(LIVE_GAP_S, 2.5 * bin_s);
  const whole = field === "rps" ? (values) => values.reduce((sum, value) => sum + value, 0) / values.length
    : (values) => Math.max(...values);
  return [...bins].map(([bin, values]) => [(bin + 0.5) * bin_s, values.length ? whole(values) : null, gap_s]);
}

function firstAfter(points, from_s) {
  const found = points.findIndex((point) => point.at >= from_s);
  return found < 0 ? points.length : found;
}

/** Pairs of time and value, with a break where nothing was heard for longer than that point allows. */
function broken(triples) {
  const pairs = [];
  triples.forEach(([at, value, gap_s], index) => {
    const before = triples[index - 1];
    if (before !== undefined && at - before[0] > Math.max(gap_s, before[2])) pairs.push([before[0], null]);
    pairs.push([at, value]);
  });
  return pairs;
}

/** The weight over time: pairs of Unix seconds and hundredths of a percent, each holding until the next. */
export function weightSteps(events, from_s, to_s, present) {
  const moves = events.filter((entry) => isEdge(entry) || isMove(entry));
  const before = moves.filter((entry) => entry.at <= from_s).at(-1);
  const within = moves.filter((entry) => entry.at > from_s && entry.at <= to_s);
  const first = before === undefined ? (within[0]?.data.before ?? (within.length ? 0 : present)) : weightAfter(before);
  return [[from_s, first], ...within.map((entry) => [entry.at, weightAfter(entry)]), [to_s, present]];
}

/** Where a rollout begins or is over: nobody is on a candidate then. */
function isEdge(entry) {
  return entry.kind === "started" || (entry.kind === "phase" && entry.data.after === "completed");
}

function isMove(entry) {
  return entry.kind === "weight" && Number.isInteger(entry.data.after);
}

function weightAfter(entry) {
  return isEdge(entry) ? 0 : entry.data.after;
}

/** Events in groups whose places (pixels) are closer than `gap`: each group is one mark, at its first event's place. */
export function groups(events, placeOf, gap) {
  const found = [];
  for (const entry of events) {
    const x = placeOf(entry.at);
    const last = found.at(-1);
    if (last !== undefined && x - last.x < gap) last.events.push(entry);
    else found.push({ x, events: [entry] });
  }
  return found;
}

/** Add a pair, and drop every second one when there are more than `most`. */
export function thinned(pairs, pair, most) {
  const all = [...pairs, pair];
  return all.length <= most ? all : all.filter((_, index) => index % 2 === 0);
}
