/**
 * `<chapter-verse>`: ask the documents, read the answer, open every quote in its document.
 *
 * Attributes: `base`, the origin of the service (empty: the page's own); `keep-in-address`, to keep the
 * open conversation in the page's fragment, so that a reload finds it. Everything that comes from the
 * service is set as text.
 */

import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { Client, ServiceError, type Turn } from "./client.js";
import { lengthInPoints } from "./code-points.js";
import { Conversations, type Opinion } from "./conversations.js";
import { asMarkdown, asText } from "./copying.js";
import type { Citation, SourceDocument } from "./record.js";
import { newTalk, newTurn, type OpenQuote, type Talk, type TurnState, type Verdict } from "./state.js";
import { styles } from "./styles.js";
import { conversationsView, type ListActions, type ListState } from "./views/conversations.js";
import { sourceView, type SourceActions } from "./views/source.js";
import { problemNote, STAGE_WORDS, turnView, type TurnActions } from "./views/turn.js";

const MAX_QUESTION = 2000;
/** The contract's bounds of a history. */
const MAX_TURNS = 20;
const MAX_TURN_CHARACTERS = 20_000;
const NARROW = 44 * 16;
const WIDE = 72 * 16;
const KEPT_DOCUMENTS = 8;
const SENTENCE_END = /[.!?…:]["”»)]?\s*$|\n$/;

type Size = "narrow" | "medium" | "wide";

export class ChapterVerse extends LitElement implements TurnActions, SourceActions, ListActions {
  static override styles = styles;
  static override properties = {
    base: { type: String },
    keepInAddress: { type: Boolean, attribute: "keep-in-address" },
    size: { type: String, reflect: true },
    listShown: { state: true },
    talk: { state: true },
    open: { state: true },
    question: { state: true },
    list: { state: true },
    about: { state: true },
    said: { state: true },
  };

  declare base: string;
  declare keepInAddress: boolean;
  declare size: Size;
  declare private listShown: boolean;
  declare private talk: Talk;
  declare private open: OpenQuote | null;
  declare private question: string;
  declare private list: ListState;
  declare private about: { titles: string[]; more: boolean } | null;
  declare private said: string;

  private client = new Client("");
  private conversations = new Conversations(this.client);
  /** Conversations that were opened on this page: one whose answer is under way goes on unseen. */
  private readonly talks = new Map<string, Talk>();
  private readonly documents = new Map<string, SourceDocument>();
  private cursor: string | null = null;
  /** Finds what opened the quote: its element itself may have been drawn anew since. */
  private returnTo: (() => HTMLElement | undefined) | null = null;
  private spoken = "";
  private readonly watchSize = new ResizeObserver(([entry]) => {
    const width = entry?.contentRect.width ?? 0;
    this.size = width < NARROW ? "narrow" : width < WIDE ? "medium" : "wide";
  });
  private readonly onFragment = () => this.openFromAddress();

  constructor() {
    super();
    this.base = "";
    this.keepInAddress = false;
    this.size = "narrow";
    this.listShown = false;
    this.talk = newTalk();
    this.open = null;
    this.question = "";
    this.list = {
      heads: null,
      kept: true,
      more: false,
      problem: null,
      openId: null,
      renaming: null,
      deleting: null,
    };
    this.about = null;
    this.said = "";
  }

  get narrow(): boolean {
    return this.size === "narrow";
  }

  /** Where there is no room, the list is there when asked for; a source takes its place. */
  private get listHidden(): boolean {
    return this.narrow ? !this.listShown : this.size === "medium" && this.open !== null;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.watchSize.observe(this);
    this.client = new Client(this.base.replace(/\/+$/, ""));
    this.conversations = new Conversations(this.client);
    if (this.keepInAddress) {
      window.addEventListener("hashchange", this.onFragment);
      this.openFromAddress();
    }
    void this.loadList();
    void this.loadAbout();
  }

  protected override firstUpdated(): void {
    // On a phone the keyboard would cover what the page has to say.
    if (this.hasAttribute("autofocus") && window.matchMedia("(hover: hover)").matches) {
      this.focusQuestion();
    }
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.watchSize.disconnect();
    window.removeEventListener("hashchange", this.onFragment);
    for (const talk of [this.talk, ...this.talks.values()]) {
      talk.running?.abort();
    }
  }

  override render(): TemplateResult {
    const covered = this.listShown && this.narrow;
    const behindSource = this.open !== null && this.narrow;
    return html`<div class="page ${this.open === null ? "" : "with-source"}" @keydown=${this.onKey}>
      <p class="visually-hidden" role="status">${this.said}</p>
      <div class="visually-hidden" role="log" aria-live="polite" aria-label="The answer as it is written"></div>
      ${this.listHidden ? nothing : conversationsView(this.list, this)}
      <main class="talk" ?inert=${covered || behindSource}>
        <div class="bar">
          <p class="name">Chapter &amp; Verse</p>
          <button
            type="button"
            class="show-list"
            aria-expanded=${this.listShown ? "true" : "false"}
            @click=${() => this.showList()}
          >
            Conversations
          </button>
        </div>
        ${this.talk.turns.length === 0 ? nothing : html`<h1 class="visually-hidden">Conversation</h1>`}
        <div class="turns">${this.talkView()}</div>
        ${this.askView()}
      </main>
      ${this.open === null ? nothing : sourceView(this.open, this)}
    </div>`;
  }

  private talkView(): TemplateResult {
    const { talk } = this;
    if (talk.loading) {
      return html`<p class="stage measure">Opening the conversation …</p>`;
    }
    if (talk.problem !== null) {
      return html`<div class="measure">${problemNote(talk.problem, null)}</div>`;
    }
    if (talk.turns.length === 0) {
      return this.welcomeView();
    }
    return html`${repeat(
      talk.turns,
      (turn) => turn.key,
      (turn) => turnView(turn, this.open, this),
    )}`;
  }

  private welcomeView(): TemplateResult {
    return html`<div class="welcome measure">
      <h1>Ask the documents</h1>
      <p>
        Answers are made of the documents’ own words. Every number such as [1] opens the quote where it stands;
        and where the documents do not say, neither does the answer.
      </p>
      ${this.about === null || this.about.titles.length === 0
        ? nothing
        : html`<div class="quiet">
            ${this.about.more ? "Among the documents:" : "The documents:"}
            <ul>
              ${this.about.titles.map((title) => html`<li><span class="two-lines" dir="auto">${title}</span></li>`)}
            </ul>
          </div>`}
    </div>`;
  }

  private askView(): TemplateResult {
    const running = this.talk.running !== null;
    const length = lengthInPoints(this.question.trim());
    const over = length > MAX_QUESTION;
    return html`<div class="ask">
      <form class="measure" @submit=${this.onSubmit}>
        <textarea
          id="question"
          name="question"
          rows="1"
          dir="auto"
          aria-label="Question"
          aria-describedby="question-length"
          aria-invalid=${over ? "true" : "false"}
          placeholder=${this.talk.turns.length === 0 ? "Ask a question" : "Ask further"}
          .value=${this.question}
          @input=${(event: InputEvent) => {
            this.question = (event.currentTarget as HTMLTextAreaElement).value;
          }}
          @keydown=${this.onQuestionKey}
        ></textarea>
        ${running
          ? html`<button type="button" class="stop" @click=${() => this.stop()}>Stop</button>`
          : html`<button type="submit" class="primary" ?disabled=${length === 0 || over}>Ask</button>`}
      </form>
      <p id="question-length" class="quiet measure ${over ? "over" : ""}" ?hidden=${length < MAX_QUESTION * 0.9}>
        ${length} of ${MAX_QUESTION} characters${over ? ": too long to be asked" : ""}
      </p>
    </div>`;
  }

  // Asking.

  private readonly onSubmit = (event: SubmitEvent): void => {
    event.preventDefault();
    this.submit();
  };

  private readonly onQuestionKey = (event: KeyboardEvent): void => {
    // While characters are being composed, Enter ends the composition.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.submit();
    }
  };

  private submit(): void {
    const question = this.question.trim();
    const length = lengthInPoints(question);
    if (length === 0 || length > MAX_QUESTION || this.talk.running !== null || this.talk.loading) {
      return;
    }
    this.question = "";
    void this.ask(this.talk, newTurn(question));
  }

  retry(turn: TurnState): void {
    if (this.talk.running !== null) {
      return;
    }
    this.talk.turns = this.talk.turns.filter((other) => other !== turn);
    void this.ask(this.talk, newTurn(turn.question));
    this.focusQuestion();
  }

  private stop(): void {
    this.talk.running?.abort();
  }

  private async ask(talk: Talk, turn: TurnState): Promise<void> {
    const history = historyOf(talk.turns);
    const running = new AbortController();
    talk.running = running;
    talk.turns = [...talk.turns, turn];
    this.spoken = "";
    this.speaking()?.replaceChildren();
    this.tell("Asking");
    this.requestUpdate();
    void this.updateComplete.then(() => this.bringIntoView(turn));
    try {
      const belonging = await this.conversations.belonging(talk, history);
      const record = await this.client.ask(
        { question: turn.question, ...belonging },
        {
          status: (stage) => {
            turn.stage = stage;
            this.tell(STAGE_WORDS[stage] ?? "Working");
            this.requestUpdate();
          },
          delta: (text) => {
            turn.text += text;
            this.speak(talk, text);
            this.requestUpdate();
          },
          citation: (citation) => {
            turn.cited = [...turn.cited.filter((known) => known.id !== citation.id), citation];
            this.requestUpdate();
          },
        },
        running.signal,
      );
      turn.record = record;
      turn.phase = "whole";
      talk.id = record.conversation_id ?? talk.id;
      if (talk === this.talk) {
        if (turn.text === "") {
          this.speak(talk, record.answer);
        }
        this.speak(talk, "\n");
        const count = record.citations.length;
        this.tell(
          record.status === "abstained"
            ? "Nothing was found"
            : `The ${record.status === "partial" ? "partial " : ""}answer is there, with ${count} ${count === 1 ? "quote" : "quotes"}`,
        );
      }
    } catch (error) {
      if (running.signal.aborted) {
        turn.phase = "stopped";
        this.tell("Stopped");
      } else {
        turn.phase = "failed";
        turn.problem = asServiceError(error);
      }
    } finally {
      talk.running = null;
      this.requestUpdate();
    }
    await this.afterAnswer(talk);
  }

  private async afterAnswer(talk: Talk): Promise<void> {
    if (talk.id !== null) {
      this.talks.set(talk.id, talk);
      if (talk === this.talk) {
        this.show(talk);
      }
    }
    await this.loadList();
  }

  /** Say words to a screen reader, without moving anything. */
  private tell(words: string): void {
    this.said = words;
  }

  /** Let a screen reader hear the answer sentence by sentence. */
  private speak(talk: Talk, text: string): void {
    if (talk !== this.talk) {
      return;
    }
    this.spoken += text;
    if (SENTENCE_END.test(this.spoken) && this.spoken.trim() !== "") {
      const line = document.createElement("p");
      line.textContent = this.spoken.replace(/\s*\[(\d{1,4})\]/g, " (quote $1)").trim();
      this.speaking()?.append(line);
      this.spoken = "";
    }
  }

  private speaking(): HTMLElement | null {
    return this.renderRoot.querySelector<HTMLElement>('[role="log"]');
  }

  private bringIntoView(turn: TurnState): void {
    this.renderRoot.querySelector(`#${turn.key}`)?.scrollIntoView({ block: "start" });
  }

  private focusQuestion(): void {
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>("#question")?.focus());
  }

  // Quotes.

  openQuote(turn: TurnState, citation: Citation, among: Citation[], from: HTMLElement): void {
    const places = () => [
      ...this.renderRoot.querySelectorAll<HTMLElement>(`#${turn.key} [data-citation="${CSS.escape(citation.id)}"]`),
    ];
    const place = places().indexOf(from);
    this.returnTo = () => places()[place];
    void this.showQuote(turn, citation, among);
  }

  step(by: 1 | -1): void {
    if (this.open === null) {
      return;
    }
    const next = this.open.among[this.open.among.indexOf(this.open.citation) + by];
    if (next !== undefined) {
      void this.showQuote(this.open.turn, next, this.open.among);
    }
  }

  closeQuote(): void {
    const back = this.returnTo;
    this.open = null;
    this.returnTo = null;
    void this.updateComplete.then(() => {
      const place = back?.();
      if (place === undefined) {
        this.focusQuestion();
      } else {
        place.focus();
      }
    });
  }

  private async showQuote(turn: TurnState, citation: Citation, among: Citation[]): Promise<void> {
    const known = this.documents.get(citation.document_id);
    const fresh = known?.document_sha256 === citation.document_sha256 ? known : null;
    const open: OpenQuote = { turn, citation, among, document: fresh, problem: null };
    const wasOpen = this.open !== null;
    this.open = open;
    await this.updateComplete;
    if (!wasOpen) {
      this.renderRoot.querySelector<HTMLElement>("#source-title")?.focus();
    }
    if (fresh === null) {
      try {
        open.document = await this.client.document(citation.document_id);
        this.keepDocument(open.document);
      } catch (error) {
        const problem = asServiceError(error);
        open.problem =
          problem.status === 404 ? "This document is no longer among the sources." : problem.message;
      }
    }
    if (this.open !== open) {
      return; // another was opened meanwhile
    }
    this.requestUpdate();
    await this.updateComplete;
    const mark = this.renderRoot.querySelector(".document mark");
    const view = this.renderRoot.querySelector(".document");
    if (mark !== null && view !== null) {
      const long = mark.getBoundingClientRect().height > view.clientHeight * 0.7;
      mark.scrollIntoView({ block: long ? "start" : "center" });
    }
    this.tell(
      open.problem ??
        `${citation.number === null ? "The passage" : `Quote ${citation.number}`} is open in its document: ${citation.cited_text}`,
    );
  }

  private keepDocument(found: SourceDocument): void {
    this.documents.delete(found.document_id);
    this.documents.set(found.document_id, found);
    const oldest = this.documents.keys().next();
    if (this.documents.size > KEPT_DOCUMENTS && !oldest.done) {
      this.documents.delete(oldest.value);
    }
  }

  private readonly onKey = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || event.defaultPrevented) {
      return;
    }
    if (this.listShown && this.narrow) {
      this.closeList();
    } else if (this.open !== null) {
      this.closeQuote();
    }
  };

  // Copying and feedback.

  copy(turn: TurnState, form: "text" | "markdown"): void {
    if (turn.record === null) {
      return;
    }
    const base = this.client.base;
    const text = form === "text" ? asText(turn.record, base) : asMarkdown(turn.record, base);
    const told = (words: string) => {
      turn.copied = words;
      this.tell(words);
      this.requestUpdate();
      window.setTimeout(() => {
        if (turn.copied === words) {
          turn.copied = "";
          this.requestUpdate();
        }
      }, 6000);
    };
    const failed = () => told("The browser did not allow copying");
    if (navigator.clipboard === undefined) {
      // Pages that came over plain HTTP have no clipboard; the older way still works there.
      copyBySelection(text, this.renderRoot as ShadowRoot) ? told("Copied") : failed();
      return;
    }
    navigator.clipboard.writeText(text).then(() => told("Copied"), failed);
  }

  vote(turn: TurnState, verdict: Verdict): void {
    if (verdict === "down" && turn.feedback.verdict !== "down") {
      turn.feedback.asking = !turn.feedback.asking;
      this.requestUpdate();
      if (turn.feedback.asking) {
        void this.updateComplete.then(() =>
          this.renderRoot.querySelector<HTMLElement>(`#${turn.key} form.feedback select`)?.focus(),
        );
      }
      return;
    }
    if (turn.feedback.verdict !== verdict) {
      void this.giveFeedback(turn, { rating: verdict, reason: "", comment: "", citationNumber: null });
    }
  }

  sendFeedback(turn: TurnState, form: HTMLFormElement): void {
    const fields = new FormData(form);
    void this.giveFeedback(turn, {
      rating: "down",
      reason: String(fields.get("reason") ?? ""),
      comment: String(fields.get("comment") ?? "").trim(),
      citationNumber: Number(fields.get("citation") ?? "") || null,
    });
  }

  cancelFeedback(turn: TurnState): void {
    turn.feedback.asking = false;
    this.requestUpdate();
    this.focusIn(turn, "button.down");
  }

  private async giveFeedback(turn: TurnState, opinion: Opinion): Promise<void> {
    const { record, feedback } = turn;
    if (record === null || feedback.sending) {
      return;
    }
    feedback.sending = true;
    feedback.said = "";
    this.requestUpdate();
    try {
      await this.conversations.feedback(record, opinion);
      feedback.verdict = opinion.rating;
      feedback.asking = false;
      feedback.said = "Thank you";
    } catch (error) {
      feedback.said = `Not sent: ${asServiceError(error).message}`;
    } finally {
      feedback.sending = false;
    }
    this.tell(feedback.said);
    this.requestUpdate();
    this.focusIn(turn, opinion.rating === "up" ? "button.up" : feedback.asking ? "form.feedback button" : "button.down");
  }

  private focusIn(turn: TurnState, selector: string): void {
    void this.updateComplete.then(() =>
      this.renderRoot.querySelector<HTMLElement>(`#${turn.key} ${selector}`)?.focus(),
    );
  }

  // Conversations.

  exportAddress(id: string): string {
    return this.conversations.exportAddress(id);
  }

  newTalk(): void {
    this.show(newTalk());
    this.focusQuestion();
  }

  openTalk(id: string): void {
    const known = this.talks.get(id);
    if (known !== undefined && known.problem === null) {
      this.show(known);
    } else {
      void this.loadTalk(id);
    }
    void this.updateComplete.then(() => {
      const last = this.talk.turns.at(-1);
      this.renderRoot.querySelector<HTMLElement>(last === undefined ? "#question" : `#${last.key}-question`)?.focus();
    });
  }

  moreTalks(): void {
    void this.loadList(this.cursor);
  }

  private showList(): void {
    this.listShown = true;
    void this.updateComplete.then(() =>
      this.renderRoot.querySelector<HTMLElement>(".conversations button")?.focus(),
    );
  }

  closeList(): void {
    this.listShown = false;
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>(".show-list")?.focus());
  }

  startRename(id: string): void {
    this.list = { ...this.list, renaming: id, deleting: null };
    void this.updateComplete.then(() => {
      const field = this.renderRoot.querySelector<HTMLInputElement>(".conversation input");
      field?.focus();
      field?.select();
    });
  }

  renameTalk(id: string, title: string): void {
    if (title === "") {
      return;
    }
    void this.changeList(async () => {
      await this.conversations.rename(id, title);
      this.list = {
        ...this.list,
        renaming: null,
        heads: (this.list.heads ?? []).map((head) => (head.id === id ? { ...head, title } : head)),
      };
      this.tell("Renamed");
    });
  }

  startDelete(id: string): void {
    this.list = { ...this.list, deleting: id, renaming: null };
    void this.updateComplete.then(() =>
      this.renderRoot.querySelector<HTMLElement>(".conversation .confirm")?.focus(),
    );
  }

  removeTalk(id: string): void {
    void this.changeList(async () => {
      this.talks.get(id)?.running?.abort();
      await this.conversations.remove(id);
      this.talks.delete(id);
      this.list = {
        ...this.list,
        deleting: null,
        heads: (this.list.heads ?? []).filter((head) => head.id !== id),
      };
      this.tell("Deleted");
      if (this.talk.id === id) {
        this.newTalk();
      }
    });
  }

  leaveTalkAlone(): void {
    this.list = { ...this.list, renaming: null, deleting: null };
    void this.updateComplete.then(() =>
      this.renderRoot.querySelector<HTMLElement>(".conversation [aria-current]")?.focus(),
    );
  }

  private async changeList(change: () => Promise<void>): Promise<void> {
    try {
      await change();
      this.list = { ...this.list, problem: null };
    } catch (error) {
      this.list = { ...this.list, problem: asServiceError(error).message };
    }
  }

  private show(talk: Talk): void {
    if (talk !== this.talk) {
      this.open = null;
    }
    this.talk = talk;
    this.listShown = false;
    this.list = { ...this.list, openId: talk.id, renaming: null, deleting: null };
    if (this.keepInAddress) {
      const fragment = talk.id === null ? "" : `#c=${encodeURIComponent(talk.id)}`;
      if (window.location.hash !== fragment) {
        window.history.replaceState(null, "", window.location.pathname + window.location.search + fragment);
      }
    }
  }

  private openFromAddress(): void {
    const id = /^#c=(.+)$/.exec(window.location.hash)?.[1];
    const wanted = id === undefined ? null : decodeFragment(id);
    if (wanted !== null && wanted !== this.talk.id) {
      this.openTalk(wanted);
    }
  }

  private async loadTalk(id: string): Promise<void> {
    const talk = newTalk(id);
    talk.loading = true;
    this.show(talk);
    try {
      talk.turns = await this.conversations.turns(id);
      this.talks.set(id, talk);
    } catch (error) {
      talk.problem = asServiceError(error);
    }
    talk.loading = false;
    this.requestUpdate();
    await this.updateComplete;
    const last = talk.turns.at(-1);
    if (talk === this.talk && last !== undefined) {
      this.bringIntoView(last);
    }
  }

  private async loadList(cursor: string | null = null): Promise<void> {
    try {
      const found = await this.conversations.heads(cursor);
      if (found === null) {
        this.list = { ...this.list, kept: false, heads: null };
        return;
      }
      this.cursor = found.next;
      const before = cursor === null ? [] : (this.list.heads ?? []);
      this.list = {
        ...this.list,
        heads: [...before, ...found.heads],
        more: found.next !== null,
        problem: null,
        openId: this.talk.id,
      };
    } catch (error) {
      this.list = { ...this.list, problem: `The list could not be loaded: ${asServiceError(error).message}` };
    }
  }

  private async loadAbout(): Promise<void> {
    try {
      this.about = await this.client.someDocuments();
    } catch {
      this.about = null; // only a help for the eye; the question itself will tell what is wrong
    }
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("base") && this.hasUpdated) {
      this.client = new Client(this.base.replace(/\/+$/, ""));
      this.conversations = new Conversations(this.client);
    }
  }
}

/** Return the turns that the server is told of: whole ones only, the last ones that fit. */
function historyOf(turns: readonly TurnState[]): Turn[] {
  return turns
    .filter((turn) => turn.record !== null)
    .flatMap((turn): Turn[] => [
      { role: "user", content: turn.question },
      { role: "assistant", content: (turn.record?.answer ?? "").slice(0, MAX_TURN_CHARACTERS) },
    ])
    .slice(-MAX_TURNS);
}

function asServiceError(error: unknown): ServiceError {
  return error instanceof ServiceError
    ? error
    : new ServiceError(error instanceof Error ? error.message : String(error), "page_failed", 0);
}

function decodeFragment(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null; // somebody's own fragment
  }
}

function copyBySelection(text: string, root: ShadowRoot): boolean {
  const field = document.createElement("textarea");
  field.value = text;
  field.className = "visually-hidden";
  const before = root.activeElement as HTMLElement | null;
  root.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  before?.focus();
  return copied;
}

customElements.define("chapter-verse", ChapterVerse);
