/** The report page: draws the chart from the data that came with the page, and shows dates on change. */

import { drawChart } from "./chart.js";

drawChart(document.getElementById("chart"), JSON.parse(document.getElementById("chart-data").textContent));
