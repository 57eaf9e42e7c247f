/**
 * `<chapter-verse>`: ask the documents, read the answer, open every quote in its document.
 *
 * Attributes, read when the element comes on a page: `base`, the origin of the service (empty: the
 * page's own); `keep-in-address`, to keep the open conversation in the page's fragment, so that a reload
 * finds it; `autofocus`. Everything that comes from the service is set as text.
 */

import { html, LitElement, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";
import { Asking } from "./asking.js";
import { Client } from "./client.js";
import { lengthInPoints } from "./code-points.js";
import { Conversations } from "./conversations.js";
import { focusLater, type Host } from "./host.js";
import { Opinions } from "./opinions.js";
import { QuotePanel } from "./quote-panel.js";
import type { Citation } from "./record.js";
import { newTurn, type Talk, type TurnState, type Verdict } from "./state.js";
import { styles } from "./styles.js";
import { Talks } from "./talks.js";
import { conversationsView } from "./views/conversations.js";
import { sourceView } from "./views/source.js";
import { problemNote, turnView, type TurnActions } from "./views/turn.js";

const MAX_QUESTION = 2000;
const NARROW_PX = 704;
const WIDE_PX = 1152;

export class ChapterVerse extends LitElement implements Host, TurnActions {
  static override styles = styles;
  static override properties = {
    keepInAddress: { type: Boolean, attribute: "keep-in-address" },
    size: { type: String, reflect: true },
    question: { state: true },
    about: { state: true },
    said: { state: true },
  };

  declare keepInAddress: boolean;
  declare size: "narrow" | "medium" | "wide";
  declare private question: string;
  declare private about: { titles: string[]; more: boolean } | null;
  declare private said: string;

  client = new Client("");
  conversations = new Conversations(this.client);

  private readonly quotes = new QuotePanel(this);
  private readonly talks = new Talks(this, () => this.quotes.forget());
  private readonly asking = new Asking(this, (talk) => talk === this.talks.current);
  private readonly opinions = new Opinions(this);
  private readonly watchSize = new ResizeObserver(([entry]) => {
    const width = entry?.contentRect.width ?? 0;
    this.size = width < NARROW_PX ? "narrow" : width < WIDE_PX ? "medium" : "wide";
  });
  private readonly onFragment = () => this.talks.openFromAddress();

  constructor() {
    super();
    this.keepInAddress = false;
    this.size = "narrow";
    this.question = "";
    this.about = null;
    this.said = "";
  }

  get base(): string {
    return this.client.base;
  }

  get narrow(): boolean {
    return this.size === "narrow";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.watchSize.observe(this);
    this.client = new Client((this.getAttribute("base") ?? "").replace(/\/+$/, ""));
    this.conversations = new Conversations(this.client);
    if (this.keepInAddress) {
      window.addEventListener("hashchange", this.onFragment);
      this.talks.openFromAddress();
    }
    void this.talks.load();
    void this.loadAbout();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.watchSize.disconnect();
    window.removeEventListener("hashchange", this.onFragment);
    this.talks.stopAll();
  }

  protected override firstUpdated(): void {
    // On a phone the keyboard would cover what the page has to say.
    if (this.hasAttribute("autofocus") && window.matchMedia("(hover: hover)").matches) {
      focusLater(this, "#question");
    }
  }

  // What the parts ask for.

  find<E extends HTMLElement>(selector: string): E | null {
    return this.renderRoot.querySelector<E>(selector);
  }

  findAll(selector: string): HTMLElement[] {
    return [...this.renderRoot.querySelectorAll<HTMLElement>(selector)];
  }

  tell(words: string): void {
    this.said = words;
  }

  // What a reader does with a turn.

  openQuote(turn: TurnState, citation: Citation, among: Citation[], from: HTMLElement): void {
    this.quotes.openQuote(turn, citation, among, from);
  }

  copy(turn: TurnState, form: "text" | "markdown"): void {
    this.opinions.copy(turn, form);
  }

  vote(turn: TurnState, verdict: Verdict): void {
    this.opinions.vote(turn, verdict);
  }

  sendFeedback(turn: TurnState, form: HTMLFormElement): void {
    this.opinions.sendFeedback(turn, form);
  }

  cancelFeedback(turn: TurnState): void {
    this.opinions.cancelFeedback(turn);
  }

  retry(turn: TurnState): void {
    const talk = this.talks.current;
    if (talk.running === null) {
      talk.turns = talk.turns.filter((other) => other !== turn);
      void this.ask(talk, turn.question);
      focusLater(this, "#question");
    }
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
    const talk = this.talks.current;
    const question = this.question.trim();
    const length = lengthInPoints(question);
    if (length === 0 || length > MAX_QUESTION || talk.running !== null || talk.loading) {
      return;
    }
    this.question = "";
    void this.ask(talk, question);
  }

  private async ask(talk: Talk, question: string): Promise<void> {
    await this.asking.ask(talk, newTurn(question));
    await this.talks.settled(talk);
  }

  private readonly onKey = (event: KeyboardEvent): void => {
    if (event.key !== "Escape" || event.defaultPrevented) {
      return;
    }
    if (this.talks.listShown && this.narrow) {
      this.talks.closeList();
    } else if (this.quotes.open !== null) {
      this.quotes.closeQuote();
    }
  };

  private async loadAbout(): Promise<void> {
    try {
      this.about = await this.client.someDocuments();
    } catch {
      this.about = null; // only a help for the eye; the question itself will tell what is wrong
    }
  }

  // What is shown.

  override render(): TemplateResult {
    const { talks } = this;
    const { open } = this.quotes;
    const listOver = this.narrow && talks.listShown;
    // Where there is no room, the list is there when asked for; a source takes its place.
    const listHidden = this.narrow ? !talks.listShown : this.size === "medium" && open !== null;
    return html`<div class="page ${open === null ? "" : "with-source"}" @keydown=${this.onKey}>
      <p class="visually-hidden" role="status">${this.said}</p>
      <div class="visually-hidden" role="log" aria-live="polite" aria-label="The answer as it is written"></div>
      ${listHidden ? nothing : conversationsView(talks.list, talks)}
      <main class="talk" ?inert=${listOver || (this.narrow && open !== null)}>
        <div class="bar">
          <p class="name">Chapter &amp; Verse</p>
          <button
            type="button"
            class="show-list"
            aria-expanded=${talks.listShown ? "true" : "false"}
            @click=${() => talks.showList()}
          >
            Conversations
          </button>
        </div>
        ${talks.current.turns.length === 0 ? nothing : html`<h1 class="visually-hidden">Conversation</h1>`}
        <div class="turns">${this.talkView(talks.current)}</div>
        ${this.askView(talks.current)}
      </main>
      ${open === null ? nothing : sourceView(open, this.quotes)}
    </div>`;
  }

  private talkView(talk: Talk): TemplateResult {
    if (talk.loading) {
      return html`<p class="stage measure">Opening the conversation …</p>`;
    }
    if (talk.problem !== null) {
      return html`<div class="measure">${problemNote(talk.problem, null, "It cannot be opened")}</div>`;
    }
    if (talk.turns.length === 0) {
      return this.welcomeView();
    }
    return html`${repeat(
      talk.turns,
      (turn) => turn.key,
      (turn) => turnView(turn, this.quotes.open, this),
    )}`;
  }

  private welcomeView(): TemplateResult {
    return html`<div class="welcome measure">
      <h1>Ask the documents</h1>
      <p>
        Every statement of an answer carries the words it rests on. A number such as [1] opens them where they
        stand; and where the documents do not say, neither does the answer.
      </p>
      ${this.about === null || this.about.titles.length === 0
        ? nothing
        : html`<div class="quiet">
            ${this.about.more ? "Among the documents:" : "The documents:"}
            <ul>
              ${this.about.titles.map(
                (title) => html`<li><span class="two-lines" dir="auto">${title}</span></li>`,
              )}
            </ul>
          </div>`}
    </div>`;
  }

  private askView(talk: Talk): TemplateResult {
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
          placeholder=${talk.turns.length === 0 ? "Ask a question" : "Ask further"}
          .value=${this.question}
          @input=${(event: InputEvent) => {
            this.question = (event.currentTarget as HTMLTextAreaElement).value;
          }}
          @keydown=${this.onQuestionKey}
        ></textarea>
        ${talk.running !== null
          ? html`<button type="button" class="stop" @click=${() => talk.running?.abort()}>Stop</button>`
          : html`<button type="submit" class="primary" ?disabled=${length === 0 || over}>Ask</button>`}
      </form>
      <p id="question-length" class="quiet measure ${over ? "over" : ""}" ?hidden=${length < MAX_QUESTION * 0.9}>
        ${length} of ${MAX_QUESTION} characters${over ? ": too long to be asked" : ""}
      </p>
    </div>`;
  }
}

customElements.define("chapter-verse", ChapterVerse);
