// The character references that replies contain. Others stay as written: text is never lost, and the full table has 2,231.
const NAMED: Readonly<Record<string, string>> = {
  amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0", iexcl: "¡", cent: "¢", pound: "£", yen: "¥", sect: "§", copy: "©",
  laquo: "«", raquo: "»", not: "¬", shy: "\u00ad", reg: "®", deg: "°", plusmn: "±", sup1: "¹", sup2: "²", sup3: "³", micro: "µ", para: "¶",
  middot: "·", frac12: "½", frac14: "¼", frac34: "¾", iquest: "¿", times: "×", divide: "÷", euro: "€", trade: "™", hellip: "…",
  ndash: "–", mdash: "—", lsquo: "‘", rsquo: "’", sbquo: "‚", ldquo: "“", rdquo: "”", bdquo: "„", bull: "•", dagger: "†",
  larr: "←", uarr: "↑", rarr: "→", darr: "↓", harr: "↔", rArr: "⇒", hArr: "⇔", forall: "∀", part: "∂", exist: "∃", empty: "∅",
  isin: "∈", notin: "∉", sum: "∑", prod: "∏", minus: "−", radic: "√", infin: "∞", and: "∧", or: "∨", cap: "∩", cup: "∪", int: "∫",
  asymp: "≈", ne: "≠", equiv: "≡", le: "≤", ge: "≥", sub: "⊂", sup: "⊃", alpha: "α", beta: "β", gamma: "γ", delta: "δ", epsilon: "ε",
  theta: "θ", lambda: "λ", mu: "μ", pi: "π", rho: "ρ", sigma: "σ", tau: "τ", phi: "φ", omega: "ω", Delta: "Δ", Sigma: "Σ", Omega: "Ω",
  ensp: "\u2002", emsp: "\u2003", thinsp: "\u2009", zwnj: "\u200c", zwj: "\u200d", colon: ":", sol: "/", lpar: "(", rpar: ")", Tab: "\t", NewLine: "\n",
  check: "✓", cross: "✗", num: "#", ast: "*", lowbar: "_", grave: "`", vert: "|", lsqb: "[", rsqb: "]", lbrace: "{", rbrace: "}", bsol: "\\",
};
const REFERENCE = /&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|([a-zA-Z][a-zA-Z\d]{1,9}));/g;

function character(code: number): string {
  return code === 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? "\ufffd" : String.fromCodePoint(code);
}

/** Character references replaced by what they stand for. */
export function decode(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(REFERENCE, (whole: string, decimal: string | undefined, hex: string | undefined, name: string) => {
    if (decimal !== undefined) return character(Number(decimal));
    if (hex !== undefined) return character(Number.parseInt(hex, 16));
    return Object.hasOwn(NAMED, name) ? (NAMED[name] ?? whole) : whole;
  });
}
