/** Opens quotes in their documents, beside the text. */

import { asServiceError } from "./errors.js";
import { announceError, focusLater, type Host } from "./host.js";
import type { Citation, SourceDocument } from "./record.js";
import type { OpenQuote, TurnState } from "./state.js";
import type { Say } from "./texts.js";
import type { SourceActions } from "./views/source.js";

const KEPT_DOCUMENTS = 8;

/** The panel of one page; `open` is the quote it shows. */
export class QuotePanel implements SourceActions {
  open: OpenQuote | null = null;
  private readonly documents = new Map<string, SourceDocument>();
  /** Finds what opened the quote: its element itself may have been drawn anew since. */
  private opener: (() => HTMLElement | undefined) | null = null;

  constructor(private readonly host: Host) {}

  get say(): Say {
    return this.host.say;
  }

  address(citation: Citation): string | null {
    return this.host.address(citation);
  }

  /**
   * Open a quote of `turn`, unless the page around does it in a way of its own.
   *
   * `among` are the quotes to leaf through, `from` is where the focus returns.
   */
  openQuote(turn: TurnState, citation: Citation, among: Citation[], from: HTMLElement): void {
    if (!this.host.announce("cv-citation", { citation, answer: turn.record })) {
      return;
    }
    const places = () => this.host.findAll(`#${turn.key} [data-citation="${CSS.escape(citation.id)}"]`);
    const place = places().indexOf(from);
    this.opener = () => places()[place];
    void this.show(turn, citation, among.filter((one) => !one.withdrawn));
  }

  step(by: 1 | -1): void {
    if (this.open === null) {
      return;
    }
    const next = this.open.among[this.open.among.indexOf(this.open.citation) + by];
    if (next !== undefined) {
      void this.show(this.open.turn, next, this.open.among);
    }
  }

  closeQuote(): void {
    const opener = this.opener;
    this.forget();
    void this.host.updateComplete.then(() => {
      const place = opener?.();
      if (place === undefined) {
        focusLater(this.host, "#question");
      } else {
        place.focus();
      }
    });
  }

  showAll(): void {
    if (this.open !== null) {
      this.open.all = true;
      this.host.requestUpdate();
      void this.host.updateComplete.then(() => {
        this.bringIntoView();
        this.host.find(".document")?.focus();
      });
    }
  }

  /** Forget the documents too: whoever asks next may not be the one who read them. */
  forgetDocuments(): void {
    this.documents.clear();
    this.forget();
  }

  /** Close the panel and leave the focus where it is. */
  forget(): void {
    this.open = null;
    this.opener = null;
    this.host.requestUpdate();
  }

  private async show(turn: TurnState, citation: Citation, among: Citation[]): Promise<void> {
    const known = this.documents.get(citation.document_id);
    const fresh = known?.document_sha256 === citation.document_sha256 ? known : null;
    const open: OpenQuote = { turn, citation, among, document: fresh, all: false, problem: null };
    const wasOpen = this.open !== null;
    this.open = open;
    this.host.requestUpdate();
    await this.host.updateComplete;
    if (!wasOpen) {
      this.host.find("#source-title")?.focus();
    }
    if (fresh === null) {
      try {
        open.document = await this.host.client.document(citation.document_id);
        this.keep(open.document);
      } catch (error) {
        const problem = asServiceError(error);
        open.problem = problem.status === 404 ? this.say.text("document_gone") : problem.message;
        announceError(this.host, problem);
      }
    }
    if (this.open !== open) {
      return; // another was opened meanwhile
    }
    this.host.requestUpdate();
    await this.host.updateComplete;
    this.bringIntoView();
    this.host.tell(
      open.problem ??
        this.say.text(citation.number === null ? "passage_open" : "quote_open", {
          n: citation.number ?? "",
          text: citation.cited_text,
        }),
    );
  }

  private bringIntoView(): void {
    const mark = this.host.find(".document mark");
    const view = this.host.find(".document");
    if (mark === null || view === null) {
      return;
    }
    // The start of a long quote matters more than its middle.
    const long = mark.getBoundingClientRect().height > view.clientHeight * 0.7;
    mark.scrollIntoView({ block: long ? "start" : "center" });
  }

  private keep(found: SourceDocument): void {
    this.documents.delete(found.document_id);
    this.documents.set(found.document_id, found);
    const oldest = this.documents.keys().next();
    if (this.documents.size > KEPT_DOCUMENTS && !oldest.done) {
      this.documents.delete(oldest.value);
    }
  }
}
