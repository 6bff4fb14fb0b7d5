/** The live stream: kept open, and opened again after whatever ended it. */

import { ask, streamAddress } from "./api.js";

const FIRST_WAIT_S = 1;
const LONGEST_WAIT_S = 10;
const SILENT_S = 6;
const SESSION_TIMEOUT_S = 3;

/**
 * A status comes every second, so silence means that nobody is there any more, also where no connection was closed.
 * A browser's own retries are not relied on: after an error status it gives up without saying why.
 */
export class Stream {
  #source = null;
  #watch = 0;
  #timer = 0;
  #wait_s = FIRST_WAIT_S;
  #failures = 0;
  #heard_ms = 0;
  #turn = 0;
  #listener;

  /**
   * @param {{status: (status: any) => void, event: (entry: any) => void, live: () => void,
   *   lost: (problem: any) => void, over: (problem: any) => void}} listener `lost` may be told null: abreast answers,
   *   but not with a stream; `over`: nobody is signed in any more, and nothing more comes.
   */
  constructor(listener) {
    this.#listener = listener;
  }

  open() {
    this.close();
    const source = new EventSource(streamAddress);
    this.#source = source;
    this.#heard();
    source.addEventListener("open", () => this.#opened());
    source.addEventListener("status", (message) => this.#take("status", message));
    source.addEventListener("event", (message) => this.#take("event", message));
    source.addEventListener("error", () => this.#examine());
    this.#watch = setInterval(() => this.#listen(), 1000);
  }

  close() {
    this.#turn += 1;
    this.#source?.close();
    this.#source = null;
    clearInterval(this.#watch);
    clearTimeout(this.#timer);
  }

  #opened() {
    this.#heard();
    this.#wait_s = FIRST_WAIT_S;
    this.#failures = 0;
    this.#listener.live();
  }

  #take(kind, message) {
    this.#heard();
    this.#listener[kind](JSON.parse(message.data));
  }

  #heard() {
    this.#heard_ms = performance.now();
  }

  #listen() {
    if (performance.now() - this.#heard_ms > SILENT_S * 1000) this.#examine();
  }

  /** Why it ended: the session, abreast, or the stream alone. Then once more, later each time. */
  async #examine() {
    this.close();
    const turn = this.#turn;
    try {
      await ask("GET", "/session", { timeout_s: SESSION_TIMEOUT_S });
      if (turn !== this.#turn) return;
      this.#failures += 1;
      if (this.#failures > 1) this.#listener.lost(null);
    } catch (problem) {
      if (turn !== this.#turn) return;
      if (problem.status === 401) {
        this.#listener.over(problem);
        return;
      }
      this.#listener.lost(problem);
    }
    this.#timer = setTimeout(() => this.open(), this.#wait_s * 1000);
    this.#wait_s = Math.min(this.#wait_s * 2, LONGEST_WAIT_S);
  }
}
