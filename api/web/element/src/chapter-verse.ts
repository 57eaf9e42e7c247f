/**
 * `<chapter-verse>`: ask the documents, read the answer, open every quote in its document.
 *
 * Attributes: `endpoint`, the service's address (else where this script came from); `token-url`, an address
 * of the page's own origin that answers `{token, expires_at}`; `language`, else that of the page around;
 * `placeholder`; `filters`, JSON; `display`, `full` or `compact`; `texts`, JSON of texts in place of the shipped
 * ones; `keep-in-address`, to keep the open conversation in the page's fragment; `autofocus`. Properties besides
 * these: `getToken`, a function that answers a token and goes before `token-url`. Events, which all bubble out of
 * shadow trees: `cv-answer`, `cv-citation` (cancelled: the page opens the quote itself), `cv-error`,
 * `cv-token-needed`. Everything that comes from the service is set as text.
 */

import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { keyed } from "lit/directives/keyed.js";
import { Asking } from "./asking.js";
import { Client } from "./client.js";
import { lengthInPoints } from "./code-points.js";
import { Conversations } from "./conversations.js";
import { ServiceError } from "./errors.js";
import { announceError, focusLater, type Announced, type Host } from "./host.js";
import { viewerAddress } from "./links.js";
import { Opinions } from "./opinions.js";
import { QuotePanel } from "./quote-panel.js";
import type { Citation } from "./record.js";
import { newTurn, type Talk, type TurnState, type Verdict } from "./state.js";
import { styles } from "./styles.js";
import { Talks } from "./talks.js";
import { Say, type Texts } from "./texts.js";
import { Tokens, type GetToken, type Reason, type Source } from "./tokens.js";
import { conversationsView } from "./views/conversations.js";
import { sourceView } from "./views/source.js";
import { problemNote, turnView, type TurnActions } from "./views/turn.js";

const MAX_QUESTION = 2000;
const NARROW_PX = 704;
const WIDE_PX = 1152;

/** An attribute's JSON; what is none stays as it is, and is told of where it is used. */
const json = {
  fromAttribute(value: string | null): unknown {
    try {
      return value === null ? null : JSON.parse(value);
    } catch {
      return value;
    }
  },
};

export class ChapterVerse extends LitElement implements Host, Source, TurnActions {
  static override styles = styles;
  static override properties = {
    endpoint: { type: String },
    tokenUrl: { type: String, attribute: "token-url" },
    getToken: { attribute: false },
    language: { type: String },
    placeholder: { type: String },
    filters: { converter: json },
    display: { type: String, reflect: true },
    texts: { converter: json },
    keepInAddress: { type: Boolean, attribute: "keep-in-address" },
    size: { type: String, reflect: true },
    question: { state: true },
    about: { state: true },
    said: { state: true },
  };

  declare endpoint: string | null;
  declare tokenUrl: string | null;
  declare getToken: GetToken | null;
  declare language: string | null;
  declare placeholder: string | null;
  declare filters: Record<string, unknown> | null;
  declare display: "full" | "compact";
  declare texts: Texts | null;
  declare keepInAddress: boolean;
  declare size: "narrow" | "medium" | "wide";
  declare private question: string;
  declare private about: { titles: string[]; more: boolean } | null;
  declare private said: string;

  say = new Say("en");
  readonly tokens = new Tokens(this);
  client = new Client("", this.tokens, () => this.say);
  conversations = new Conversations(this.client, () => !this.compact);

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
    this.endpoint = null;
    this.tokenUrl = null;
    this.getToken = null;
    this.language = null;
    this.placeholder = null;
    this.filters = null;
    this.display = "full";
    this.texts = null;
    this.keepInAddress = false;
    this.size = "narrow";
    this.question = "";
    this.about = null;
    this.said = "";
  }

  get compact(): boolean {
    return this.display === "compact";
  }

  get narrow(): boolean {
    return this.compact || this.size === "narrow";
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.watchSize.observe(this);
    this.say = this.sayNow();
    if (this.keepInAddress) {
      window.addEventListener("hashchange", this.onFragment);
    }
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.watchSize.disconnect();
    window.removeEventListener("hashchange", this.onFragment);
    this.talks.stopAll();
  }

  /** Forget the token, the conversation and the documents: call it when another person signs in. */
  forget(): void {
    this.tokens.forget();
    this.quotes.forgetDocuments();
    this.about = null;
    this.question = "";
    this.begin();
    this.talks.reset();
    void this.load();
  }

  protected override willUpdate(changed: PropertyValues): void {
    if (changed.has("language") || changed.has("texts")) {
      this.say = this.sayNow();
    }
    // Here and not on connection: frameworks set attributes and properties before or after it.
    if (!this.hasUpdated) {
      this.begin();
      if (this.keepInAddress) {
        this.talks.openFromAddress();
      }
      void this.load();
    } else if (changed.has("endpoint") || changed.has("tokenUrl")) {
      this.forget();
    } else if (changed.has("display")) {
      void this.load();
    }
  }

  protected override firstUpdated(): void {
    // On a phone the keyboard would cover what the page has to say.
    if (this.hasAttribute("autofocus") && window.matchMedia("(hover: hover)").matches) {
      focusLater(this, "#question");
    }
  }

  private begin(): void {
    this.client = new Client(addressOf(this.endpoint), this.tokens, () => this.say);
    this.conversations = new Conversations(this.client, () => !this.compact);
  }

  private async load(): Promise<void> {
    if (!this.compact) {
      await Promise.all([this.talks.load(), this.loadAbout()]);
    }
  }

  private sayNow(): Say {
    let own = this.texts;
    if (own !== null && !isObject(own)) {
      announceError(this, this.malformed("texts"));
      own = null;
    }
    return new Say(this.language ?? languageAround(this), own ?? {});
  }

  private malformed(name: string): ServiceError {
    return new ServiceError(this.say.text("attribute_malformed", { name }), "attribute_malformed", 0);
  }

  /** Filters that cannot be read are no filters at all only to whoever reads what they would have kept away. */
  private readonly wantedFilters = (): Record<string, unknown> | null => {
    if (this.filters !== null && this.filters !== undefined && !isObject(this.filters)) {
      throw this.malformed("filters");
    }
    return this.filters ?? null;
  };

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

  announce(name: Announced, detail: object): boolean {
    return this.emit(name, structuredClone(detail), name === "cv-citation");
  }

  tokenNeeded(reason: Reason): void {
    this.emit("cv-token-needed", { reason }, false);
  }

  address(citation: Citation): string | null {
    // A link carries no token: the page behind it would be shut.
    return this.tokens.used ? null : viewerAddress(citation.viewer_url, this.client.base);
  }

  private emit(name: string, detail: object, cancelable: boolean): boolean {
    return this.dispatchEvent(new CustomEvent(name, { detail, bubbles: true, composed: true, cancelable }));
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
    await this.asking.ask(talk, newTurn(question), this.wantedFilters);
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
    if (this.filters !== null) {
      return; // the list knows no filters, and would name other documents than are asked
    }
    const { client } = this;
    try {
      const found = await client.someDocuments();
      if (client === this.client) {
        this.about = found;
      }
    } catch {
      this.about = null; // only a help for the eye; the question itself will tell what is wrong
    }
  }

  // What is shown.

  override render(): TemplateResult {
    const { talks } = this;
    const { open } = this.quotes;
    // A portal's page may have its own around the box.
    const main = this.closest("main") === null;
    const listOver = this.narrow && talks.listShown;
    // Where there is no room, the list is there when asked for; a source takes its place.
    const listHidden = this.compact || (this.narrow ? !talks.listShown : this.size === "medium" && open !== null);
    const { say } = this;
    return html`<div
      class="page ${open === null ? "" : "with-source"}"
      part="page"
      lang=${say.language}
      @keydown=${this.onKey}
    >
      <p class="visually-hidden" role="status">${this.said}</p>
      <div class="visually-hidden" role="log" aria-live="polite" aria-label=${say.text("spoken_log")}></div>
      ${listHidden ? nothing : conversationsView(talks.list, talks)}
      <div
        class="talk"
        part="talk"
        role=${main ? "main" : nothing}
        ?inert=${listOver || (this.narrow && open !== null)}
      >
        ${this.barView()}
        ${talks.current.turns.length === 0
          ? nothing
          : html`<h1 class="visually-hidden">${say.text("conversation")}</h1>`}
        <div class="turns">${this.talkView(talks.current)}</div>
        ${this.askView(talks.current)}
      </div>
      ${open === null ? nothing : sourceView(open, this.quotes, main && this.narrow)}
    </div>`;
  }

  private barView(): TemplateResult | typeof nothing {
    const { say, talks } = this;
    if (this.compact) {
      return talks.current.turns.length === 0
        ? nothing
        : html`<div class="bar">
            <p class="name">${say.text("name")}</p>
            <button type="button" class="plain" @click=${() => talks.newTalk()}>
              ${say.text("conversation_new")}
            </button>
          </div>`;
    }
    return html`<div class="bar">
      <p class="name">${say.text("name")}</p>
      <button
        type="button"
        class="show-list"
        part="button"
        aria-expanded=${talks.listShown ? "true" : "false"}
        @click=${() => talks.showList()}
      >
        ${say.text("conversations")}
      </button>
    </div>`;
  }

  private talkView(talk: Talk): TemplateResult {
    if (talk.loading) {
      return html`<p class="stage measure">${this.say.text("conversation_opening")}</p>`;
    }
    if (talk.problem !== null) {
      return html`<div class="measure">${problemNote(talk.problem, this.say, null, "conversation_closed")}</div>`;
    }
    if (talk.turns.length === 0) {
      return this.welcomeView();
    }
    // Keyed: what a reader unfolded in one turn is not unfolded in another's place.
    return html`${talk.turns.map((turn) => keyed(turn.key, turnView(turn, this.quotes.open, this)))}`;
  }

  private welcomeView(): TemplateResult {
    const { say, about } = this;
    return html`<div class="welcome measure" part="welcome">
      <h1>${say.text("welcome")}</h1>
      <p>${say.text("welcome_text")}</p>
      ${about === null || about.titles.length === 0
        ? nothing
        : html`<div class="quiet">
            ${say.text(about.more ? "documents_some" : "documents_all")}
            <ul>
              ${about.titles.map((title) => html`<li><span class="two-lines" dir="auto">${title}</span></li>`)}
            </ul>
          </div>`}
    </div>`;
  }

  private askView(talk: Talk): TemplateResult {
    const length = lengthInPoints(this.question.trim());
    const over = length > MAX_QUESTION;
    const { say } = this;
    const sizes = { n: length, max: MAX_QUESTION };
    return html`<div class="ask" part="ask">
      <form class="measure" @submit=${this.onSubmit}>
        <textarea
          id="question"
          name="question"
          rows="1"
          dir="auto"
          part="input"
          aria-label=${say.text("question")}
          aria-describedby="question-length"
          aria-invalid=${over ? "true" : "false"}
          placeholder=${talk.turns.length === 0 ? (this.placeholder ?? say.text("ask_first")) : say.text("ask_further")}
          .value=${this.question}
          @input=${(event: InputEvent) => {
            this.question = (event.currentTarget as HTMLTextAreaElement).value;
          }}
          @keydown=${this.onQuestionKey}
        ></textarea>
        ${talk.running !== null
          ? html`<button type="button" class="stop" part="button" @click=${() => talk.running?.abort()}>
              ${say.text("stop")}
            </button>`
          : html`<button type="submit" class="primary" part="button primary" ?disabled=${length === 0 || over}>
              ${say.text("ask")}
            </button>`}
      </form>
      <p id="question-length" class="quiet measure ${over ? "over" : ""}" ?hidden=${length < MAX_QUESTION * 0.9}>
        ${say.text(over ? "too_long" : "length", sizes)}
      </p>
    </div>`;
  }
}

function addressOf(endpoint: string | null): string {
  // Bundled into a portal's own script, the service's address has to be named.
  const url = new URL(endpoint ?? new URL(import.meta.url).origin, document.baseURI);
  if (!/^https?:$/.test(url.protocol)) {
    throw new TypeError(`endpoint ${url.href} of <chapter-verse> is no http address`);
  }
  return (endpoint === "" ? url.origin : url.origin + url.pathname).replace(/\/+$/, "");
}

/** Return the language that the elements around say, through shadow trees too. */
function languageAround(element: Element): string {
  for (let at: Element | null = element; at !== null; ) {
    const found = at.closest("[lang]")?.getAttribute("lang");
    if (found) {
      return found;
    }
    const root = at.getRootNode();
    at = root instanceof ShadowRoot ? root.host : null;
  }
  return "en";
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

// A page that loads the script twice, or from two places, has one element.
if (customElements.get("chapter-verse") === undefined) {
  customElements.define("chapter-verse", ChapterVerse);
}
