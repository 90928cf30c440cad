/** Stacked bars with uPlot: orders per hour or day by who paid; drawn again on resize and theme change. */

import uPlot from "../../vendor/uPlot-1.6.32.js";

const HEIGHT = 288;

/**
 * The series one upon the other: what uPlot draws, the tallest first, so that the shorter cover it.
 *
 * @param {number[][]} series values of each series, the lowest of the stack first
 * @returns {number[][]} running sums, the highest of the stack first
 */
export function stacked(series) {
  const sums = [];
  let below = [];
  for (const values of series) {
    below = values.map((value, index) => value + (below[index] ?? 0));
    sums.unshift(below);
  }
  return sums;
}

/** Whole numbers only: there are no half orders. */
export function wholeSteps(_plot, steps) {
  return steps.map((step) => (Number.isInteger(step) ? step : null));
}

function colours(element) {
  const style = getComputedStyle(element);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    text: read("--ink-2"),
    grid: read("--line"),
    paid: read("--chart-paid"),
    subsidised: read("--chart-subsidised"),
    free: read("--chart-free"),
    font: `12px ${style.fontFamily}`,
  };
}

function options(element, data) {
  const colour = colours(element);
  const axis = { stroke: colour.text, font: colour.font, ticks: { show: false } };
  const bars = uPlot.paths.bars({ size: [0.72, 64], radius: 0.08 });
  const drawn = data.series.toReversed().map((one) => ({
    label: one.name,
    value: (_plot, _sum, _series, index) => (index === null ? "–" : String(one.values[index])),
    fill: colour[one.colour],
    width: 0,
    paths: bars,
    points: { show: false },
  }));
  return {
    width: element.clientWidth,
    height: HEIGHT,
    scales: { x: { time: false, range: (_plot, low, high) => [low - 0.6, high + 0.6] }, y: { range: [0, null] } },
    cursor: { drag: { x: false, y: false }, y: false, points: { show: false } },
    legend: { markers: { show: false } },
    axes: [
      {
        ...axis,
        grid: { show: false },
        values: (_plot, indexes) => indexes.map((index) => data.labels[index] ?? ""),
        incrs: [1, 2, 3, 4, 6, 12, 24],
        space: 12 + 7 * Math.max(...data.labels.map((label) => label.length)),
      },
      { ...axis, grid: { stroke: colour.grid, width: 1 }, values: wholeSteps, size: 44 },
    ],
    series: [
      { label: data.words.when, value: (_plot, index) => (index === null ? "–" : data.labels[index]) },
      ...drawn,
    ],
  };
}

/**
 * Draw into `element` and keep it fitting.
 *
 * @param {HTMLElement} element an empty block
 * @param {{labels: string[], series: {name: string, colour: string, values: number[]}[], words: object}} data
 */
export function drawChart(element, data) {
  const values = [data.labels.map((_label, index) => index), ...stacked(data.series.map((one) => one.values))];
  let plot = new uPlot(options(element, data), values, element);
  const again = () => {
    plot.destroy();
    plot = new uPlot(options(element, data), values, element);
  };
  new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT })).observe(element);
  new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}
