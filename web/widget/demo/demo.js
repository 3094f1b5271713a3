// The made-up shop. Of the chat it uses what any shop can: the element's attributes and window.Antiphon.
const SHOES = {
  coast: { name: "Coast", kind: "Road running", price: "€ 139", colour: "Fir and chalk", weight: "242 g in EU 42",
    words: "A light daily trainer with a knitted upper and a quiet, springy sole. Made for firm paths, long promenades and the way home.", gone: ["36", "46"] },
  ridge: { name: "Ridge", kind: "Trail running", price: "€ 164", colour: "Rust and slate", weight: "286 g in EU 42",
    words: "A sure-footed shoe for stones, roots and rain, with a deep tread and a firm heel. Wear it a half size up with thick socks.", gone: ["37", "38"] },
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
  for (const [name, value] of Object.entries(chosen)) chat.setAttribute(name, value);
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
