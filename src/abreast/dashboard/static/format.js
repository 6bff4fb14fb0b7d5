/** Numbers in words, as the command line writes them (`abreast.model.units`). */

const NONE = "–";
const UNITS = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];
const FULL_WEIGHT = 10000;

/** A duration for reading: two significant units, `12 m`, `1 h 5 m`, `0.4 s`. */
export function about(seconds) {
  if (seconds < 1) return `${Math.max(seconds, 0).toFixed(1)} s`;
  let whole = Math.round(seconds);
  const parts = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(whole / size);
    whole -= count * size;
    if (count) parts.push(`${count} ${unit}`);
  }
  return parts.slice(0, 2).join(" ");
}

/** Hundredths of a percent: `10 %`, `0.25 %`. */
export function weight(hundredths) {
  return `${hundredths / 100} %`;
}

/** A share of 0 to 1 with two decimals: `0.02 %`; null: there is none. */
export function percent(share) {
  return share === null ? NONE : `${(100 * share).toFixed(2)} %`;
}

/** With commas: `41,210`. */
export function count(number) {
  return String(Math.round(number)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** `1 request`, `2 requests`. */
export function several(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** `612.4 rps`. */
export function rate(rps) {
  return rps === null ? NONE : `${rps.toFixed(1)} rps`;
}

/** Milliseconds: `1.4 ms`, `41 ms`. */
export function time(ms) {
  if (ms === null) return NONE;
  return `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}

const two = (number) => String(number).padStart(2, "0");

/** The local time of day of Unix seconds: `12:03`, with `seconds` `12:03:05`. */
export function clock(at, seconds = false) {
  const date = new Date(at * 1000);
  const minutes = `${two(date.getHours())}:${two(date.getMinutes())}`;
  return seconds ? `${minutes}:${two(date.getSeconds())}` : minutes;
}

/** Unix seconds as a local moment: the time today, else with its date. */
export function moment(at, now) {
  const [day, today] = [at, now].map((each) => {
    const date = new Date(each * 1000);
    return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  });
  return day === today ? clock(at, true) : `${day} ${clock(at, true)}`;
}

/** Hundredths of a percent of `10`, `0.25 %`; null for anything else than 0 to 100 in steps of 0.01. */
export function parseWeight(text) {
  const found = /^(\d{1,3})(?:\.(\d{1,2}))? ?%?$/.exec(text.trim());
  if (found === null) return null;
  const hundredths = Number(found[1]) * 100 + Number((found[2] ?? "0").padEnd(2, "0"));
  return hundredths <= FULL_WEIGHT ? hundredths : null;
}
