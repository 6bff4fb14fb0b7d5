/** From signing in to a live page: who is there, what is known, and what is drawn of it. */

import { ask, now } from "./api.js";
import { createPage } from "./page.js";
import { signIn } from "./sign-in.js";
import { MOST_EVENTS, createState, findingsMark, maySteer, newestEvent, takeEvents, takeStatus } from "./state.js";
import { Stream } from "./stream.js";
import { complain, tell, toasts } from "./toast.js";
import { openFinding } from "./finding.js";
import { did } from "./verbs.js";

const EVENTS = 1000;
const SERIES_MINUTES = 60;
const FINDINGS_EVERY_S = 15;
const AGAIN_S = 2;

const place = document.getElementById("page");
document.body.append(toasts());

/** The page of one session: fetches, listens and draws until the session is over. */
class Visit {
  #state;
  #page;
  #stream;
  #findings_at = 0;
  #findings_mark = "";
  #drawing = 0;

  constructor(session) {
    this.#state = createState(session);
    this.#page = createPage(session, {
      signOut: () => this.#signOut(),
      done: (answer) => tell(did(answer)),
      open: (number) => openFinding(number, maySteer(session), (answer) => this.#decided(answer)),
      older: () => this.#fetchEvents(Math.min(this.#state.events.length + EVENTS, MOST_EVENTS)),
      redraw: () => this.#draw(),
    });
    this.#stream = new Stream({
      status: (status) => this.#takeStatus(status),
      event: (entry) => this.#takeEvent(entry),
      live: () => this.#live(),
      lost: (problem) => this.#lost(problem),
      over: () => this.#end("The session is over: sign in again."),
    });
  }

  begin() {
    place.replaceChildren(this.#page.node);
    this.#stream.open();
    this.#draw();
  }

  #takeStatus(status) {
    takeStatus(this.#state, status, now());
    this.#state.link = "live";
    this.#draw();
    const mark = findingsMark(status);
    const due = status.shadow !== null && now() - this.#findings_at > FINDINGS_EVERY_S && !document.hidden;
    if (mark !== this.#findings_mark || due) this.#fetchFindings(mark);
  }

  #takeEvent(entry) {
    takeEvents(this.#state, [entry]);
    if (entry.kind === "finding") this.#fetchFindings(this.#findings_mark);
    this.#draw();
  }

  /** At first, and after each interruption: what the stream has not told. */
  #live() {
    Object.assign(this.#state, { link: "live", link_problem: null });
    this.#findings_mark = "";
    this.#draw();
    this.#fetchEvents(EVENTS, newestEvent(this.#state));
    this.#try(async () => {
      this.#state.minutes = (await ask("GET", `/series?minutes=${SERIES_MINUTES}`)).minutes;
    });
  }

  #lost(problem) {
    if (this.#state.link !== "lost") Object.assign(this.#state, { link: "lost", link_since: now() });
    this.#state.link_problem = problem;
    this.#draw();
  }

  /** The newest events; with `after` only those since. Fewer than asked for means that there are no older ones. */
  #fetchEvents(limit, after = 0) {
    return this.#try(async () => {
      const entries = await ask("GET", `/events?limit=${limit}&after=${after}`);
      takeEvents(this.#state, entries);
      if (after === 0) this.#state.events_all = entries.length < limit;
    });
  }

  #fetchFindings(mark) {
    this.#findings_at = now();
    this.#findings_mark = mark;
    return this.#try(async () => {
      try {
        Object.assign(this.#state, { findings: await ask("GET", "/findings"), findings_problem: null });
      } catch (problem) {
        if (problem.status === 401) throw problem;
        Object.assign(this.#state, { findings: null, findings_problem: problem });
      }
    });
  }

  /** Do it, then draw. What fails because nobody answers is fetched again once somebody does. */
  async #try(fetching) {
    try {
      await fetching();
    } catch (problem) {
      if (problem.status === 401) this.#end("The session is over: sign in again.");
      else if (problem.status !== 0) complain(problem);
    }
    this.#draw();
  }

  #decided(answer) {
    tell(answer.message);
    this.#fetchFindings(this.#findings_mark);
  }

  async #signOut() {
    try {
      await ask("DELETE", "/session");
    } catch (problem) {
      if (problem.status !== 401) {
        complain(problem);
        return;
      }
    }
    this.#end("You are signed out.");
  }

  #end(words) {
    if (this.#stream === null) return;
    this.#stream.close();
    this.#stream = null;
    for (const dialog of document.querySelectorAll("dialog")) dialog.close();
    showSignIn(words);
  }

  /** Once for all that changed since the last frame, and not at all while nobody can see it. */
  #draw() {
    if (this.#drawing || this.#stream === null) return;
    this.#drawing = requestAnimationFrame(() => {
      this.#drawing = 0;
      if (this.#stream !== null) this.#page.update(this.#state);
    });
  }
}

function showSignIn(words) {
  document.title = "Sign in – abreast";
  place.replaceChildren(signIn(words, (session) => new Visit(session).begin()));
  place.querySelector("[autofocus]")?.focus();
}

/** Who is there? Asked until there is an answer. */
async function begin() {
  try {
    new Visit(await ask("GET", "/session")).begin();
  } catch (problem) {
    if (problem.status === 401) {
      showSignIn("Sign in to see this service.");
      return;
    }
    document.getElementById("loading").textContent = `${problem.detail}. Trying again…`;
    setTimeout(begin, AGAIN_S * 1000);
  }
}

begin();
