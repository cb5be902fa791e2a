/**
 * HTML and SVG that is safe by construction: what is put into a `markup` template is escaped unless it is itself
 * `Markup`, and only templates, which are our own text, make `Markup`.
 */

export class Markup {
  readonly #text: string;

  private constructor(text: string) {
    this.#text = text;
  }

  /** Only for text that this library wrote itself, such as its style sheet. */
  static trusted(text: string): Markup {
    return new Markup(text);
  }

  toString(): string {
    return this.#text;
  }
}

export type Content = Markup | string | number | null | undefined | false | readonly Content[];

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "`": "&#96;",
};

/** Controls, line separators, invisible joiners and bidirectional overrides can make text read as something else. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu;

/** Text as it will be read: characters that cannot be seen print as `[U+202E]`. */
export function visibleText(text: string): string {
  const codePoint = (character: string): string => character.codePointAt(0)!.toString(16).toUpperCase();
  return text.replace(INVISIBLE, (character) => `[U+${codePoint(character).padStart(4, "0")}]`);
}

/** Escapes text for element content and for quoted attributes. */
export function escapeText(text: string): string {
  return visibleText(text).replace(/[&<>"'`]/g, (character) => ENTITIES[character]);
}

/** Template tag: `` markup`<td>${name}</td>` ``. Arrays are joined; `null`, `undefined` and `false` print nothing. */
export function markup(strings: TemplateStringsArray, ...contents: readonly Content[]): Markup {
  return Markup.trusted(strings.reduce((text, part, i) => text + render(contents[i - 1]) + part));
}

function render(content: Content): string {
  if (content instanceof Markup) return content.toString();
  if (content === null || content === undefined || content === false) return "";
  if (Array.isArray(content)) return content.map(render).join("");
  return escapeText(String(content));
}

/** Text whose short hyphenated words (model names, options) stay on one line. */
export function unbroken(text: string): Markup {
  const words = text.split(" ").map((word, i) => {
    const kept = word.includes("-") && word.length <= 24 ? markup`<span class="word">${word}</span>` : word;
    return [i > 0 && " ", kept];
  });
  return markup`${words}`;
}
