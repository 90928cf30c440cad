/** The page of a store's carriers: the form without a round trip. Everything here also works without it. */

import { freeId, madeOut, meaning, step, total } from "./rules.js";

const form = document.getElementById("policy-form");
const rules = document.getElementById("rules");
const blank = document.getElementById("blank-rule");

function ruleOf(id) {
  return rules.querySelector(`:scope > [data-rule="${CSS.escape(id)}"]`);
}

function add() {
  const id = freeId([...rules.children].map((rule) => rule.dataset.rule));
  const holder = document.createElement("template");
  holder.innerHTML = madeOut(blank.innerHTML, id);
  rules.append(holder.content);
  const rule = ruleOf(id);
  rule.querySelector("input[type=text]").focus();
  rule.scrollIntoView({ block: "nearest" });
}

function remove(rule) {
  const next = rule.nextElementSibling ?? rule.previousElementSibling;
  rule.remove();
  (next?.querySelector("input[type=text]") ?? document.getElementById("add-rule")).focus();
}

function carry({ verb, row, key }) {
  if (verb === "add") {
    return add();
  }
  if (key) {
    const choice = row === "otherwise" ? form : ruleOf(row);
    const own = [...choice.querySelectorAll(`input[name="${CSS.escape(row)}-order"]`)];
    return step(own.find((input) => input.value === key).closest("li"), verb);
  }
  return verb === "remove" ? remove(ruleOf(row)) : step(ruleOf(row), verb);
}

function showSums() {
  for (const choice of form.querySelectorAll(".choice")) {
    const sum = total([...choice.querySelectorAll(".carrier-part input")].map((input) => input.value));
    const shown = choice.querySelector(".sum");
    const text = `${shown.dataset.sum}: ${sum ?? "?"} %`;
    if (shown.textContent !== text) {
      shown.textContent = text;
    }
    shown.toggleAttribute("data-wrong", sum !== 100);
  }
}

/* Leaving with unsaved changes asks first; sending the form is not leaving. */

let changed = form.hasAttribute("data-changed");

form.addEventListener("click", (event) => {
  const button = event.target.closest("button[name=do]");
  const what = button && meaning(button.value);
  if (what) {
    event.preventDefault();
    carry(what);
    changed = true;
    showSums();
  }
});
form.addEventListener("input", (event) => {
  changed ||= event.target.name !== "day";
  showSums();
});
form.addEventListener("submit", () => {
  changed = false;
});
addEventListener("beforeunload", (event) => {
  if (changed) {
    event.preventDefault();
  }
});

showSums();
document.getElementById("problems")?.focus();
// On a phone the navigation is wider than the screen.
document.querySelector(".topnav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
