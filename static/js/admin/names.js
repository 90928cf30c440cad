/**
 * Names for the admin's nameless fields. Django labels neither the boxes that select2 draws nor the fields of
 * tabular inlines, so who cannot see the column could not tell what to write.
 */

function nameCells(table) {
  const headings = [...table.querySelectorAll("thead th")];
  for (const field of table.querySelectorAll("tbody td :is(input:not([type=hidden]), select, textarea)")) {
    const heading = headings[field.closest("td").cellIndex];
    if (field.labels.length === 0) field.setAttribute("aria-label", heading.textContent.trim());
  }
}

function nameBox(box) {
  const field = box.closest(".select2").previousElementSibling;
  const name = field.getAttribute("aria-label") ?? field.labels?.[0]?.textContent ?? "";
  box.removeAttribute("aria-labelledby"); // it would name the box by its value alone
  box.setAttribute("aria-label", `${name.trim()} ${box.textContent.trim()}`);
  box.querySelector("[role=textbox]")?.setAttribute("aria-label", name.trim());
}

function nameAll() {
  for (const table of document.querySelectorAll(".tabular table")) nameCells(table);
  for (const box of document.querySelectorAll(".select2-selection")) nameBox(box);
}

globalThis.addEventListener("load", nameAll);
// After Django and select2 have done their part.
document.addEventListener("formset:added", () => setTimeout(nameAll));
globalThis.django?.jQuery(document).on("change", ".admin-autocomplete", () => setTimeout(nameAll));
