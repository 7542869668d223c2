"""The style sheet and the script of a report, written into it so that the page stands alone."""

from __future__ import annotations

# Colours are named by their task; the dark theme only changes the names' values.
STYLE = """
:root { color-scheme: light dark; --paper: #fbfbfa; --card: #ffffff; --ink: #1c2024; --soft: #5f6b76; --line: #dfe3e7;
  --accent: #2f5fd0; --count: #6d8fdd; --beyond: #d9822b; --half: #e4eafb; --median: #1c2024; --bad: #b3261e; --zebra: #f5f7f9 }
@media (prefers-color-scheme: dark) { :root { --paper: #14171b; --card: #1b1f25; --ink: #e6e9ed; --soft: #9aa6b2;
  --line: #323a43; --accent: #8fb0ff; --count: #6f8fd6; --beyond: #e79a4c; --half: #273350; --median: #f2f4f7; --bad: #ff8a80;
  --zebra: #20252c } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto,
  "Helvetica Neue", Arial, sans-serif; -webkit-text-size-adjust: 100% }
main { max-width: 1180px; margin: 0 auto; padding: 1.25rem 1rem 4rem }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .4rem 0 .2rem; overflow-wrap: anywhere }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .7rem } h3 { font-size: 1rem; margin: 0; overflow-wrap: anywhere }
p { margin: .4rem 0 } .soft { color: var(--soft) } .bad { color: var(--bad) } code { font-size: .92em; overflow-wrap: anywhere }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(7rem, 1fr)); gap: .6rem; margin: 1rem 0 }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .55rem .75rem }
.tile b { display: block; font-size: 1.3rem; font-weight: 600; font-variant-numeric: tabular-nums }
.tile.trouble b { color: var(--bad) } .tile span { color: var(--soft); font-size: .85rem }
details { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; margin: .6rem 0; padding: .1rem .8rem }
summary { cursor: pointer; padding: .45rem 0 } details[open] { padding-bottom: .6rem }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: .5rem; background: var(--card) }
.tall { max-height: 36rem; overflow-y: auto }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .9rem }
th, td { padding: .35rem .7rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line) }
th { font-weight: 600; position: sticky; top: 0; background: var(--card); z-index: 1 }
th:first-child, td:first-child, td.text, th.text { text-align: left }
tbody tr:nth-child(even) { background: var(--zebra) } tbody tr:last-child td { border-bottom: 0 }
td.text { white-space: normal; min-width: 20rem }
table.fields td { white-space: normal; text-align: left; vertical-align: top; overflow-wrap: anywhere }
table.fields td:first-child { color: var(--soft); white-space: nowrap }
th button { all: unset; cursor: pointer; font-weight: 600 } th button:focus-visible { outline: 2px solid var(--accent) }
th[aria-sort=ascending] button::after { content: " ▲"; font-size: .7em }
th[aria-sort=descending] button::after { content: " ▼"; font-size: .7em }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(15.5rem, 100%), 1fr)); gap: .8rem }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .7rem .8rem }
figcaption { font-size: .9rem } figcaption b { font-size: 1rem }
svg.histogram { width: 100%; height: auto; display: block; margin-top: .3rem }
.histogram .count { fill: var(--count) } .histogram .beyond { fill: var(--beyond) } .histogram .half { fill: var(--half) }
.histogram .median { stroke: var(--median); stroke-width: 2 } .histogram .axis { stroke: var(--line) }
.histogram .tick { fill: var(--soft); font-size: 15px }
.case { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .7rem .8rem; margin: 0 0 .9rem }
.case header { display: flex; flex-wrap: wrap; gap: .1rem 1rem; align-items: baseline }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(13rem, 100%), 1fr)); gap: .6rem; margin-top: .5rem }
.panels.wide { grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)) }
.panels figure { border: 0; padding: 0; background: none } .panels img { width: 100%; height: auto; display: block;
  border-radius: .25rem } .panels figcaption { color: var(--soft); font-size: .8rem; margin-top: .2rem }
.bar { height: .6rem; border-radius: .2rem; margin-top: .25rem } .bar-labels { display: flex; justify-content: space-between;
  font-size: .75rem; color: var(--soft); font-variant-numeric: tabular-nums }
ul { margin: .3rem 0; padding-left: 1.2rem } li { overflow-wrap: anywhere }
footer { margin-top: 3rem; color: var(--soft); font-size: .85rem }
@media print { .tall { max-height: none } details { break-inside: avoid } .case { break-inside: avoid } }
"""

# Sorts a table by the column whose heading is pressed: numbers by `data-v`, text by itself; missing values stay last.
SCRIPT = """
document.querySelectorAll('table.sortable').forEach(function (table) {
  var body = table.tBodies[0], heads = table.tHead.rows[0].cells;
  Array.prototype.forEach.call(heads, function (head, column) {
    var button = document.createElement('button');
    button.type = 'button';
    while (head.firstChild) button.appendChild(head.firstChild);
    head.appendChild(button);
    button.addEventListener('click', function () {
      var up = head.getAttribute('aria-sort') !== 'ascending';
      Array.prototype.forEach.call(heads, function (other) { other.removeAttribute('aria-sort'); });
      head.setAttribute('aria-sort', up ? 'ascending' : 'descending');
      var key = function (row) {
        var cell = row.cells[column], number = cell.getAttribute('data-v');
        return number === null ? cell.textContent : number === '' ? NaN : Number(number);
      };
      var rows = Array.prototype.map.call(body.rows, function (row, place) { return [key(row), place, row]; });
      rows.sort(function (a, b) {
        if (a[0] !== a[0] || b[0] !== b[0]) return (a[0] !== a[0]) - (b[0] !== b[0]) || a[1] - b[1];
        var order = typeof a[0] === 'string' ? a[0].localeCompare(b[0], undefined, { numeric: true }) : a[0] - b[0];
        return (up ? order : -order) || a[1] - b[1];
      });
      rows.forEach(function (entry) { body.appendChild(entry[2]); });
    });
  });
});
"""
