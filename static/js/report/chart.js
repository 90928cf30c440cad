/** Stacked bars with uPlot: what there was per hour or day; drawn again on resize and theme change. */

import uPlot from "../../vendor/uPlot-1.6.32.js";

const HEIGHT = 264;
const LEFT = 44;

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

/** Steps of an axis in words, whole numbers only: there are no half orders. */
export function wholeSteps(steps, grouped) {
  return steps.map((step) => (Number.isInteger(step) ? grouped.format(step) : null));
}

function colours(element) {
  const style = getComputedStyle(element);
  const read = (name) => style.getPropertyValue(name).trim();
  return {
    text: read("--ink-2"),
    grid: read("--line"),
    of: (series) => read(`--chart-${series.colour}`),
    font: `12px ${style.fontFamily}`,
  };
}

/** What stands under the bars: hours as they are, days as short as the language writes them. */
export function ticks(data, language) {
  const short = new Intl.DateTimeFormat(language, { month: "short", day: "numeric", timeZone: "UTC" });
  return data.days?.map((day) => short.format(new Date(day))) ?? data.labels;
}

function options(element, data, show) {
  const colour = colours(element);
  const axis = { stroke: colour.text, font: colour.font, ticks: { show: false } };
  const bars = uPlot.paths.bars({ size: [0.72, 64], radius: 0.08 });
  const language = document.documentElement.lang;
  const under = ticks(data, language);
  const grouped = new Intl.NumberFormat(language);
  const widest = 7 * Math.max(...under.map((label) => label.length));
  return {
    width: element.clientWidth,
    height: HEIGHT,
    padding: [8, 24, 0, Math.max(0, widest / 2 - LEFT)], // the first label stands in the middle of its bar
    scales: {
      x: { time: false, range: (_plot, low, high) => [low - 0.6, high + 0.6] },
      y: { range: atLeastOne },
    },
    cursor: { drag: { x: false, y: false }, y: false, points: { show: false } },
    legend: { show: false },
    hooks: { setCursor: [(plot) => show(plot.cursor.idx)] },
    axes: [
      {
        ...axis,
        size: 28,
        gap: 8,
        grid: { show: false },
        values: (_plot, indexes) => indexes.map((index) => under[index] ?? ""),
        incrs: [1, 2, 3, 4, 6, 12, 24],
        space: 16 + widest,
      },
      {
        ...axis,
        size: LEFT,
        grid: { stroke: colour.grid, width: 1 },
        values: (_plot, steps) => wholeSteps(steps, grouped),
      },
    ],
    series: [
      {},
      ...data.series.toReversed().map((one) => ({
        fill: colour.of(one),
        width: 0,
        paths: bars,
        points: { show: false },
      })),
    ],
  };
}

function atLeastOne(_plot, _low, high) {
  return [0, Math.max(1, high * 1.04)];
}

/**
 * What the key beside the chart says: of the bar under the pointer, else of the whole period.
 *
 * @returns {{heading: string, numbers: number[]}} a number for each series, then their sum
 */
export function keyOf(data, heading, index) {
  const here = index !== null && index !== undefined;
  const numbers = data.series.map((one) => (here ? one.values[index] : one.total));
  return {
    heading: here ? `${heading} · ${data.labels[index]}` : heading,
    numbers: [...numbers, numbers.reduce((sum, number) => sum + number, 0)],
  };
}

/**
 * Draw into `element` and keep it fitting.
 *
 * @param {HTMLElement} element an empty block
 * @param {{labels: string[], series: {colour: string, values: number[], total: number}[]}} data
 * @param {(index: number | null) => void} show told which bar is under the pointer
 */
export function drawChart(element, data, show) {
  const values = [
    data.labels.map((_label, index) => index),
    ...stacked(data.series.map((one) => one.values)),
  ];
  let plot = new uPlot(options(element, data, show), values, element);
  const again = () => {
    plot.destroy();
    plot = new uPlot(options(element, data, show), values, element);
  };
  new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT })).observe(element);
  new MutationObserver(again).observe(document.documentElement, { attributeFilter: ["data-theme"] });
}
