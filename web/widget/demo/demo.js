// The made-up shop. Of the chat it uses what any shop can: the element's attributes and window.Antiphon.
const SHOES = {
  coast: { name: "Coast", kind: "Road running", price: "€ 139", colour: "Fir and chalk", weight: "242 g in EU 42",
    words: "A light daily trainer with a knitted upper and a quiet, springy sole. Made for firm paths, long promenades and the way home.", gone: ["36", "46"] },
  ridge: { name: "Ridge", kind: "Trail running", price: "€ 164", colour: "Rust and slate", weight: "286 g in EU 42",
    words: "A sure-footed shoe for stones, roots and rain, with a deep tread and a firm heel. Wear it a half size up with thick socks.", gone: ["37", "38"] },
};
// What the shop says in the chat, in the languages that the bar offers.
const WORDS = {
  en: { greeting: "Not sure about your size? Ask me: EU, UK, US, centimetres, width.", suggestions: "I wear UK 8. What is that in EU?|My foot is 26.5 cm long|Do your shoes run small?" },
  fr: { greeting: "Un doute sur la taille ? Demandez-moi : EU, UK, US, centimètres, largeur.", suggestions: "Je porte du UK 8. Et en EU ?|Mon pied mesure 26,5 cm|Vos chaussures taillent-elles petit ?" },
  de: { greeting: "Unsicher bei der Größe? Fragen Sie mich: EU, UK, US, Zentimeter, Weite.", suggestions: "Ich trage UK 8. Was ist das in EU?|Mein Fuß ist 26,5 cm lang|Fallen Ihre Schuhe klein aus?" },
  es: { greeting: "¿Dudas con la talla? Pregúnteme: EU, UK, US, centímetros, ancho.", suggestions: "Uso UK 8. ¿Cuál es en EU?|Mi pie mide 26,5 cm|¿Sus zapatos tallan pequeño?" },
  ja: { greeting: "サイズでお迷いですか。EU、UK、US、cm、足幅をお尋ねください。", suggestions: "UK 8 は EU でいくつですか|足の長さは 26.5 cm です|小さめの作りですか" },
  ar: { greeting: "غير متأكد من مقاسك؟ اسألني: الأوروبي والبريطاني والأمريكي والسنتيمتر والعرض.", suggestions: "مقاسي UK 8، كم يساوي في EU؟|طول قدمي 26.5 سم|هل مقاسات أحذيتكم صغيرة؟" },
};
const SIZES = ["36", "37", "38", "39", "40", "41", "42", "43", "44", "45", "46"];
const find = (id) => document.getElementById(id);

const wanted = new URLSearchParams(location.search).get("shoe");
const key = wanted !== null && Object.hasOwn(SHOES, wanted) ? wanted : "coast";
const shoe = SHOES[key];

function showShoe() {
  document.documentElement.dataset.shoe = key;
  document.title = `${shoe.name}, a running shoe – Halden`;
  for (const part of ["name", "kind", "price", "colour", "weight", "words"]) find(part).textContent = shoe[part];
  document.querySelector(`nav a[href="?shoe=${key}"]`).setAttribute("aria-current", "page");
  find("sizes").append(...SIZES.map((size) => {
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "size", value: size, disabled: shoe.gone.includes(size) });
    const label = document.createElement("label");
    label.append(input, size);
    return label;
  }));
}

function sell() {
  const bag = find("bag");
  bag.textContent = sessionStorage.getItem("bag") ?? "0";
  document.querySelector(".buy").addEventListener("submit", (event) => {
    event.preventDefault();
    const size = new FormData(event.target).get("size");
    if (size === null) {
      find("said").textContent = "Choose a size first.";
      return;
    }
    bag.textContent = String(Number(bag.textContent) + 1);
    sessionStorage.setItem("bag", bag.textContent);
    find("said").textContent = `${shoe.name} in EU ${size} is in the bag.`;
  });
  find("ask").addEventListener("click", () => window.Antiphon?.open());
}

// The bar: what is chosen is set on the element, and kept for the next page.
const bar = document.querySelector(".try");

function tryOn() {
  const chosen = Object.fromEntries(new FormData(bar));
  sessionStorage.setItem("try", JSON.stringify(chosen));
  document.documentElement.dataset.theme = chosen.theme;
  const chat = document.querySelector("antiphon-chat");
  if (chat === null) return;
  for (const [name, value] of Object.entries({ ...chosen, ...WORDS[chosen.language] })) chat.setAttribute(name, value);
}

function remember() {
  const chosen = JSON.parse(sessionStorage.getItem("try") ?? "{}");
  for (const [name, value] of Object.entries(chosen)) bar.elements.namedItem(name).value = value;
}

showShoe();
sell();
remember();
tryOn();
bar.addEventListener("change", tryOn);
document.addEventListener("antiphon:ready", tryOn);
