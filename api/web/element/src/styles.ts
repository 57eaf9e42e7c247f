/**
 * The look: the colours and the type of the document pages (`viewer.css`), for reading first.
 *
 * A page sets the properties `--cv-…`; those with an underscore are this element's own.
 */

import { css } from "lit";

export const styles = css`
  :host {
    color-scheme: var(--cv-color-scheme, light dark);
    --_paper: var(--cv-paper, light-dark(#fbfaf7, #16181c));
    --_raised: var(--cv-raised, light-dark(#f2f0ea, #1f2228));
    --_ink: var(--cv-ink, light-dark(#1f2126, #e3e3df));
    --_quiet: var(--cv-quiet, light-dark(#5c606a, #a0a4ad));
    --_line: var(--cv-line, light-dark(#dcd8ce, #353941));
    --_link: var(--cv-link, light-dark(#1d4f91, #9dc3ff));
    --_mark: var(--cv-mark, light-dark(#ffe79a, #524313));
    --_mark-edge: var(--cv-mark-edge, light-dark(#c99a00, #d9ae34));
    --_mark-ink: var(--cv-mark-ink, light-dark(#1f2126, #fdf3d3));
    --_warn: var(--cv-warn, light-dark(#8a3b12, #f0a27a));
    --_focus: var(--cv-focus, light-dark(#1d4f91, #9dc3ff));
    --_sans: var(
      --cv-font,
      system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", Arial, sans-serif
    );
    --_mono: var(
      --cv-font-mono,
      ui-monospace, SFMono-Regular, Menlo, Consolas, "Noto Sans Mono", "Liberation Mono", monospace
    );
    --_radius: var(--cv-radius, 6px);

    display: block;
    position: relative;
    overflow: hidden;
    block-size: var(--cv-block-size, 40rem);
    min-block-size: 20rem;
    background: var(--_paper);
    color: var(--_ink);
    font: var(--cv-font-size, 1.0625rem) / 1.65 var(--_sans);
    text-align: start;
    overflow-wrap: anywhere;
  }

  /* As high as what it says, up to a bound; a source takes all of that. */
  :host([display="compact"]) {
    block-size: auto;
    min-block-size: 0;
    border: 1px solid var(--_line);
    border-radius: var(--_radius);
  }

  :host([hidden]) {
    display: none;
  }

  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }

  [hidden] {
    display: none !important;
  }

  a {
    color: var(--_link);
    text-decoration-thickness: 0.06em;
    text-underline-offset: 0.18em;
  }

  a:hover {
    text-decoration-thickness: 0.12em;
  }

  :focus-visible {
    outline: 2px solid var(--_focus);
    outline-offset: 2px;
  }

  [tabindex="-1"]:focus {
    outline: none;
  }

  .visually-hidden {
    position: absolute;
    inline-size: 1px;
    block-size: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }

  .quiet {
    color: var(--_quiet);
    font-size: 0.875rem;
    line-height: 1.55;
  }

  button,
  .button {
    padding: 0.3rem 0.8rem;
    background: var(--_paper);
    color: inherit;
    border: 1px solid var(--_quiet);
    border-radius: var(--_radius);
    font: inherit;
    font-size: 0.9375rem;
    line-height: 1.5;
    text-decoration: none;
    white-space: nowrap;
    cursor: pointer;
  }

  button.link {
    display: inline;
    padding: 0;
    background: none;
    border: 0;
    border-radius: 2px;
    color: var(--_link);
    font: inherit;
    text-align: start;
    text-decoration: underline;
    text-decoration-thickness: 0.06em;
    text-underline-offset: 0.18em;
    white-space: normal;
  }

  button.link:hover {
    text-decoration-thickness: 0.12em;
  }

  .two-lines,
  .three-lines {
    display: -webkit-box;
    -webkit-box-orient: vertical;
    -webkit-line-clamp: 2;
    overflow: hidden;
  }

  .three-lines {
    -webkit-line-clamp: 3;
  }

  button:hover,
  .button:hover {
    border-color: var(--_ink);
  }

  button[aria-pressed="true"] {
    background: var(--_ink);
    color: var(--_paper);
    border-color: var(--_ink);
  }

  button:disabled {
    color: var(--_quiet);
    border-color: var(--_line);
    cursor: default;
  }

  button.primary {
    background: var(--_link);
    color: var(--_paper);
    border-color: var(--_link);
  }

  button.primary:disabled {
    background: var(--_raised);
    color: var(--_quiet);
    border-color: var(--_line);
  }

  button.plain,
  a.plain {
    padding: 0.2rem 0.4rem;
    background: none;
    border-color: transparent;
    color: var(--_quiet);
    font-size: 0.875rem;
  }

  a.plain {
    text-decoration: none;
  }

  button.plain:hover,
  a.plain:hover {
    color: var(--_ink);
    text-decoration: underline;
    text-underline-offset: 0.2em;
  }

  button.plain[aria-pressed="true"] {
    color: var(--_ink);
    border-color: var(--_quiet);
  }

  input,
  select,
  textarea {
    max-inline-size: 100%;
    padding: 0.4rem 0.6rem;
    background: var(--_paper);
    color: inherit;
    border: 1px solid var(--_quiet);
    border-radius: var(--_radius);
    font: inherit;
    font-size: 0.9375rem;
    line-height: 1.5;
  }

  ::placeholder {
    color: var(--_quiet);
    opacity: 1;
  }

  /* Three columns where there is room: conversations, the conversation, a source. */

  .page {
    display: grid;
    grid-template: minmax(0, 1fr) / minmax(0, 1fr);
    block-size: 100%;
    min-block-size: inherit;
  }

  :host([size="wide"]) .page,
  :host([size="medium"]) .page {
    grid-template-columns: 16.5rem minmax(0, 1fr);
  }

  :host([size="wide"]) .page.with-source {
    grid-template-columns: 16.5rem minmax(0, 1fr) minmax(22rem, 34%);
  }

  /* A source then takes the place of the list. */
  :host([size="medium"]) .page.with-source {
    grid-template-columns: minmax(0, 1fr) minmax(20rem, 46%);
  }

  :host([display="compact"]) .page {
    grid-template: minmax(0, 1fr) / minmax(0, 1fr) !important;
    block-size: auto;
    max-block-size: var(--cv-max-block-size, 36rem);
  }

  :host([display="compact"]) .page.with-source {
    block-size: var(--cv-max-block-size, 36rem);
  }

  :host([display="compact"]) .welcome {
    padding-block: 0;
  }

  :host([display="compact"]) .welcome h1 {
    font-size: 1.1875rem;
  }

  /* Conversations. */

  .conversations {
    display: flex;
    flex-direction: column;
    min-block-size: 0;
    padding: 1.1rem 0.75rem 1rem;
    background: var(--_raised);
    border-inline-end: 1px solid var(--_line);
    overflow-y: auto;
  }

  :host([size="narrow"]) .conversations {
    position: absolute;
    inset: 0;
    z-index: 3;
    border: 0;
  }

  .name {
    margin: 0 0.5rem 1rem;
    font-size: 1rem;
    font-weight: 650;
    line-height: 1.5;
    letter-spacing: -0.005em;
  }

  .conversations-head {
    display: flex;
    justify-content: space-between;
    align-items: baseline;
  }

  .conversations .new {
    margin-block-end: 1rem;
    text-align: start;
  }

  .conversations ul {
    margin: 0;
    padding: 0;
    list-style: none;
  }

  .conversations h2 {
    margin: 0 0.5rem 0.4rem;
    color: var(--_quiet);
    font-size: 0.8125rem;
    font-weight: 400;
    letter-spacing: 0.02em;
  }

  .conversations .quiet {
    margin: 0.25rem 0.5rem;
  }

  .conversations .links {
    margin-block-start: auto;
    padding-block-start: 1.5rem;
  }

  .conversation {
    border-radius: var(--_radius);
  }

  .conversation > button.open {
    inline-size: 100%;
    padding: 0.35rem 0.5rem;
    background: none;
    border-color: transparent;
    text-align: start;
    white-space: normal;
    line-height: 1.4;
  }

  .conversation > button.open:hover {
    background: var(--_paper);
  }

  .conversation > button.open[aria-current] {
    background: var(--_paper);
    border-color: var(--_line);
    font-weight: 600;
  }

  .conversation .tools {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0 0.1rem;
    padding-inline-start: 0.1rem;
    margin-block-end: 0.4rem;
  }

  .conversation form {
    display: flex;
    flex-wrap: wrap;
    gap: 0.4rem;
    padding: 0.4rem 0.5rem;
  }

  .conversation form input {
    inline-size: 100%;
  }

  /* The conversation. */

  .talk {
    display: flex;
    flex-direction: column;
    min-block-size: 0;
    min-inline-size: 0;
  }

  .bar {
    display: flex;
    align-items: center;
    gap: 0.25rem;
    padding: 0.5rem 1rem;
    border-block-end: 1px solid var(--_line);
  }

  .bar .name {
    margin: 0;
    flex: 1;
    font-size: 0.9375rem;
    white-space: nowrap;
  }

  :host(:not([size="narrow"], [display="compact"])) .bar {
    display: none;
  }

  .turns {
    flex: 1;
    min-block-size: 0;
    overflow-y: auto;
    padding: 1.75rem 1.25rem 2.5rem;
    scroll-padding-block: 1.25rem;
  }

  :host([size="narrow"]) .turns,
  :host([display="compact"]) .turns {
    padding: 1.1rem 1rem 1.75rem;
  }

  .measure {
    max-inline-size: 70ch;
    margin-inline: auto;
  }

  .welcome {
    padding-block: clamp(1rem, 12vh, 8rem) 1rem;
  }

  .welcome h1 {
    margin: 0 0 0.6rem;
    font-size: clamp(1.45rem, 1.1rem + 1.6vw, 2.05rem);
    font-weight: 650;
    line-height: 1.25;
    letter-spacing: -0.012em;
    text-wrap: balance;
  }

  .welcome ul {
    margin: 0.2rem 0 0;
    padding-inline-start: 1.2rem;
  }

  .turn + .turn {
    margin-block-start: 2.25rem;
    padding-block-start: 2rem;
    border-block-start: 1px solid var(--_line);
  }

  .question {
    margin: 0 0 0.9rem;
    font-size: 1.25rem;
    font-weight: 650;
    line-height: 1.35;
    letter-spacing: -0.006em;
    white-space: pre-wrap;
    text-wrap: pretty;
    scroll-margin-block: 1.25rem;
  }

  .understood {
    margin: -0.6rem 0 0.9rem;
  }

  .short {
    margin: 0 0 0.5rem;
    font-size: 1.1875rem;
    font-weight: 600;
    line-height: 1.45;
  }

  .answer p {
    margin: 0 0 0.85em;
    white-space: pre-wrap;
  }

  .answer p:last-child {
    margin-block-end: 0.4em;
  }

  .answer.unfinished {
    color: var(--_quiet);
  }

  .supported {
    background: var(--_mark);
    color: var(--_mark-ink);
    box-decoration-break: clone;
    -webkit-box-decoration-break: clone;
  }

  .marker,
  button.marker {
    display: inline-block;
    padding-inline: 0.1em;
    border-radius: 4px;
    font-size: 0.8125em;
    font-variant-numeric: tabular-nums;
    line-height: 1.6;
    text-align: center;
    text-decoration: none;
    white-space: nowrap;
  }

  .marker:hover,
  button.marker:hover {
    text-decoration: underline;
  }

  .marker[aria-current] {
    background: var(--_mark);
    color: var(--_mark-ink);
    box-shadow: 0 0.09em 0 var(--_mark-edge);
  }

  .stage {
    display: flex;
    align-items: baseline;
    gap: 0.6rem;
    margin: 0.4rem 0;
    color: var(--_quiet);
    font-size: 0.9375rem;
  }

  .stage::before {
    content: "";
    flex: none;
    inline-size: 0.55em;
    block-size: 0.55em;
    border-radius: 50%;
    background: currentColor;
  }

  @media (prefers-reduced-motion: no-preference) {
    .stage::before {
      animation: breathe 1.4s ease-in-out infinite;
    }

    @keyframes breathe {
      50% {
        opacity: 0.25;
      }
    }
  }

  .note {
    margin: 0.9rem 0;
    padding: 0.6rem 0.9rem;
    background: var(--_raised);
    border-inline-start: 3px solid var(--_quiet);
    border-radius: 0 var(--_radius) var(--_radius) 0;
    font-size: 0.9375rem;
    line-height: 1.55;
  }

  .note > :first-child {
    margin-block-start: 0;
  }

  .note > :last-child {
    margin-block-end: 0;
  }

  .note p,
  .note ul {
    margin: 0.35rem 0;
  }

  .note ul {
    padding-inline-start: 1.2rem;
  }

  .note h3 {
    margin: 0;
    font-size: inherit;
    font-weight: 650;
  }

  .note.error {
    border-color: var(--_warn);
  }

  .note.error h3 {
    color: var(--_warn);
  }

  .note button {
    margin-block-start: 0.35rem;
  }

  .sources h3,
  .closest h3 {
    margin: 1.1rem 0 0.35rem;
    color: var(--_quiet);
    font-size: 0.8125rem;
    font-weight: 400;
    letter-spacing: 0.02em;
  }

  .sources ul,
  .closest ul {
    margin: 0;
    padding: 0;
    list-style: none;
  }

  .sources li,
  .closest li {
    padding-block: 0.3rem;
    font-size: 0.9375rem;
    line-height: 1.5;
  }

  .sources .marker {
    font-size: 0.875rem;
  }

  .quoted {
    margin: 0.15rem 0 0;
    padding-inline-start: 0.7rem;
    border-inline-start: 2px solid var(--_line);
    color: var(--_ink);
    white-space: pre-line;
  }

  details {
    margin-block: 0.6rem;
  }

  summary {
    inline-size: fit-content;
    cursor: pointer;
    color: var(--_quiet);
    font-size: 0.875rem;
  }

  summary:hover {
    color: var(--_ink);
  }

  details dl {
    margin: 0.4rem 0;
  }

  details dl > div {
    display: grid;
    grid-template-columns: minmax(6rem, 9rem) minmax(0, 1fr);
    gap: 0 0.75rem;
  }

  details dd {
    margin: 0;
  }

  .mono {
    font-family: var(--_mono);
    font-size: 0.9375em;
  }

  .actions {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 0.1rem 0.25rem;
    margin-block-start: 0.6rem;
    margin-inline-start: -0.4rem;
  }

  .actions .apart {
    margin-inline-start: auto;
  }

  .actions .said {
    color: var(--_quiet);
    font-size: 0.875rem;
  }

  form.feedback {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 0.7rem;
    max-inline-size: 34rem;
    margin-block: 0.6rem;
    padding: 0.9rem;
    background: var(--_raised);
    border-radius: var(--_radius);
  }

  form.feedback label {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 0.2rem;
    font-size: 0.9375rem;
  }

  form.feedback select {
    inline-size: 100%;
    text-overflow: ellipsis;
  }

  form.feedback .buttons {
    display: flex;
    gap: 0.5rem;
  }

  /* The question box. */

  .ask {
    padding: 0.75rem 1.25rem 1rem;
    border-block-start: 1px solid var(--_line);
  }

  :host([size="narrow"]) .ask,
  :host([display="compact"]) .ask {
    padding: 0.6rem 0.75rem 0.75rem;
  }

  .ask form {
    display: flex;
    align-items: end;
    gap: 0.6rem;
  }

  .ask textarea {
    flex: 1;
    min-inline-size: 0;
    min-block-size: calc(1.5em + 1.1rem + 2px);
    max-block-size: min(12em, 40vh);
    padding: 0.55rem 0.8rem;
    font-size: 1.0625rem;
    resize: none;
    field-sizing: content;
  }

  .ask button {
    padding: calc(0.55rem + 0.05em) 1.1rem;
    font-size: 1rem;
  }

  .ask .quiet {
    margin: 0.35rem 0 0;
  }

  .ask .quiet.over {
    color: var(--_warn);
  }

  /* A source, beside the text. */

  .source {
    display: flex;
    flex-direction: column;
    min-block-size: 0;
    min-inline-size: 0;
    background: var(--_paper);
    border-inline-start: 1px solid var(--_line);
  }

  :host([size="narrow"]) .source,
  :host([display="compact"]) .source {
    position: absolute;
    inset: 0;
    z-index: 2;
    border: 0;
  }

  .source .head {
    padding: 0.9rem 1.25rem 0.8rem;
    background: var(--_raised);
    border-block-end: 1px solid var(--_line);
  }

  .source .top {
    display: flex;
    align-items: baseline;
    justify-content: space-between;
    gap: 1rem;
  }

  .source h2 {
    margin: 0;
    font-size: 1.0625rem;
    font-weight: 650;
    line-height: 1.35;
  }

  .source .head p {
    margin: 0.25rem 0 0;
  }

  .source nav {
    display: flex;
    flex-wrap: wrap;
    align-items: baseline;
    gap: 0.1rem 0.9rem;
    margin-block-start: 0.4rem;
    font-size: 0.875rem;
  }

  .source nav button.plain {
    padding-inline: 0;
    color: var(--_link);
  }

  .source nav button.plain[aria-disabled="true"] {
    color: var(--_quiet);
    text-decoration: none;
  }

  .document {
    flex: 1;
    min-block-size: 0;
    overflow-y: auto;
    padding: 1.25rem 1.25rem 3rem;
    font-size: 1rem;
  }

  .document p {
    margin: 0 0 0.9em;
    white-space: pre-wrap;
    tab-size: 4;
    unicode-bidi: plaintext;
    text-align: start;
  }

  mark {
    background: var(--_mark);
    color: var(--_mark-ink);
    box-shadow: 0 0.09em 0 var(--_mark-edge);
    box-decoration-break: clone;
    -webkit-box-decoration-break: clone;
  }

  .excluded {
    color: var(--_quiet);
    text-decoration: underline dotted 1px;
    text-underline-offset: 0.28em;
  }

  .excluded[data-reason]::before {
    content: attr(data-reason);
    display: inline-block;
    max-inline-size: 100%;
    margin-inline-end: 0.45em;
    padding-inline: 0.45em;
    border: 1px dotted currentColor;
    border-radius: 4px;
    font-size: 0.75em;
    line-height: 1.5;
    text-decoration: none;
    white-space: normal;
  }

  @media (forced-colors: active) {
    mark,
    .supported,
    .marker[aria-current] {
      background: Mark;
      color: MarkText;
      outline: 1px solid MarkText;
      forced-color-adjust: none;
    }

    .excluded {
      color: CanvasText;
    }
  }

  @media print {
    :host {
      overflow: visible;
    }

    .page {
      display: block;
    }

    .conversations,
    .bar,
    .ask,
    .actions,
    .source {
      display: none;
    }

    .turns {
      overflow: visible;
    }
  }
`;
