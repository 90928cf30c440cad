/** The report page: draws the chart from the data that came with the page and keeps its key. */

import { drawChart, keyOf } from "./chart.js";

const data = JSON.parse(document.getElementById("chart-data").textContent);
const heading = document.getElementById("chart-heading");
const period = heading.textContent.trim();
const cells = [...document.querySelectorAll("#chart-key dd")];
const grouped = new Intl.NumberFormat(document.documentElement.lang);

function show(index) {
  const key = keyOf(data, period, index);
  heading.textContent = key.heading;
  for (const [position, cell] of cells.entries()) {
    cell.textContent = grouped.format(key.numbers[position]);
  }
}

drawChart(document.getElementById("chart"), data, show);
