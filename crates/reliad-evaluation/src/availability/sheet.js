// One card after another; what is said is kept in the browser and saved as a file.
(() => {
  "use strict";
  const kind = document.body.dataset.kind;
  const cards = [...document.querySelectorAll(".card")];
  const keys = cards.map((card) => card.dataset.key);
  const choices = [...document.querySelectorAll("[data-choice]")];
  // Sheets of the same pictures share what was said of them.
  const place = "reliad-" + kind + "-" + keys.join(" ").split("").reduce((hash, c) => (hash * 31 + c.charCodeAt(0)) | 0, 7);
  let said = {};
  try {
    said = JSON.parse(localStorage.getItem(place)) || {};
  } catch {
    // Some browsers keep nothing for files: then a sheet lasts as long as its window.
  }
  const open = cards.findIndex((card) => !(card.dataset.key in said));
  let at = open < 0 ? 0 : open;

  const show = () => {
    cards.forEach((card, number) => {
      card.hidden = number !== at;
    });
    const done = keys.filter((key) => key in said).length;
    document.querySelector(".progress i").style.width = (100 * done) / Math.max(1, cards.length) + "%";
    document.querySelector(".status").textContent =
      cards.length === 0 ? "There is nothing to show." : at + 1 + " of " + cards.length + " · " + done + " answered";
    choices.forEach((button) => {
      button.classList.toggle("chosen", said[keys[at]] === button.dataset.choice);
    });
  };
  const go = (step) => {
    at = Math.min(Math.max(0, at + step), Math.max(0, cards.length - 1));
    show();
  };
  const say = (choice) => {
    if (cards.length === 0) return;
    said[keys[at]] = choice;
    try {
      localStorage.setItem(place, JSON.stringify(said));
    } catch {}
    go(1);
  };
  const save = () => {
    const all = keys.filter((key) => key in said);
    const text =
      kind === "pairs"
        ? JSON.stringify({ pairs: Object.fromEntries(all.map((key) => [key, said[key]])) }, null, 1)
        : all.map((key) => key + "," + said[key] + "\n").join("");
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
    link.download = kind === "pairs" ? "answers.json" : "labels.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  };

  choices.forEach((button) => button.addEventListener("click", () => say(button.dataset.choice)));
  document.querySelectorAll("[data-go]").forEach((button) => button.addEventListener("click", () => go(Number(button.dataset.go))));
  document.querySelector(".save").addEventListener("click", save);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowLeft") go(-1);
    if (event.key === "ArrowRight") go(1);
    const button = choices.find((one) => one.dataset.shortcut === event.key);
    if (button) say(button.dataset.choice);
  });
  show();
})();
