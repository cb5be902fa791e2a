/** The frame of pages that stand by themselves: one file without scripts that loads nothing. */
import { type Content, Markup, markup, unbroken } from "./markup.js";

export interface Page {
  /** What kind of page it is, above the headline. */
  readonly kind: string;
  readonly headline: string;
  /** The rest of the headline, on a line of its own. */
  readonly outcome: string | null;
  /** Of the window; as the headline where there is none. */
  readonly title?: string;
  readonly style: string;
  readonly body: Content;
  readonly footer: string;
}

/** Texts may hold anything; they are escaped. Equal pages give equal bytes. */
export const renderPage = ({ kind, headline, outcome, title, style, body, footer }: Page): string =>
  markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title ?? [headline, outcome].filter((text) => text !== null).join(": ")}</title>
<style>${Markup.trusted(style)}</style>
</head>
<body>
<main>
<header><p class="eyebrow">${kind}</p><h1>${unbroken(headline)}${outcome !== null && markup`<span class="outcome">${unbroken(outcome)}</span>`}</h1></header>
${body}</main>
<footer>${footer}</footer>
</body>
</html>
`.toString();
