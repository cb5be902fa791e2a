import { describe, expect, it } from "vitest";
import { escapeText, markup, unbroken } from "../../src/report/markup.js";

describe("escapeText", () => {
  it("escapes what means something in content or in a quoted attribute", () => {
    expect(escapeText(`<a b="c" d='e'>&\``)).toBe("&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;&#96;");
  });

  it("shows characters that cannot be seen", () => {
    expect(escapeText("a\u202Eb\u0000\u200Bc\u2028\uD800")).toBe("a[U+202E]b[U+0000][U+200B]c[U+2028][U+D800]");
  });

  it("leaves other scripts and emoji alone", () => {
    expect(escapeText("Rebschere 剪枝 مقص ✂️🌿")).toBe("Rebschere 剪枝 مقص ✂️🌿");
  });
});

describe("markup", () => {
  it("escapes strings and joins markup, arrays and nothing", () => {
    const items = ["<x>", 2].map((item) => markup`<li>${item}</li>`);
    expect(markup`<ul>${items}${null}${undefined}${false}</ul>`.toString()).toBe(
      "<ul><li>&lt;x&gt;</li><li>2</li></ul>",
    );
  });

  it("does not take look-alikes for markup", () => {
    const imposter = { toString: () => "<script>", map: () => ["<script>"] };
    expect(markup`${imposter as never}`.toString()).not.toContain("<script>");
  });

  it("keeps short hyphenated words whole", () => {
    expect(unbroken("on deit-tiny <b>").toString()).toBe('on <span class="word">deit-tiny</span> &lt;b&gt;');
  });
});
