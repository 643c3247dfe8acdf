"""How the report looks: one calm column, light and dark, on paper too; two languages without a script."""

CSS = """
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --card: #ffffff; --ink: #1f2933; --muted: #5b6773; --line: #e2ddd3; --code: #f3f0ea;
  --accent: #0b6e8a; --good: #1a7340; --good-paper: #e7f3ea; --bad: #a8380b; --bad-paper: #fbeae2;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15191d; --card: #1c2227; --ink: #e6e4df; --muted: #a0abb5; --line: #333b43; --code: #262d33;
    --accent: #6cc0d8; --good: #82cf9d; --good-paper: #1c3325; --bad: #f0a07c; --bad-paper: #3d251b;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 4rem; -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.6 "Iowan Old Style", "Palatino Linotype", Palatino, "Noto Serif", Georgia, serif;
}
h1, h2, h3, nav, table, .verdict, .number, .languages, .facts, summary, footer, .label {
  font-family: "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "DejaVu Sans", Arial, sans-serif;
}
main, header, footer { max-width: 58rem; margin-inline: auto; padding-inline: clamp(1rem, 4vw, 2rem); }
header { padding-top: 3.5rem; }
h1 {
  font-size: clamp(1.9rem, 5vw, 2.7rem); line-height: 1.15; letter-spacing: -.02em; margin: 0 0 1rem;
  text-wrap: balance;
}
.lead { font-size: 1.18rem; color: var(--muted); margin: 0 0 1.2rem; max-width: 44rem; }
a { color: var(--accent); text-underline-offset: .18em; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; border-radius: 4px; }

.switch { position: absolute; opacity: 0; }
.languages {
  position: sticky; top: 0; z-index: 2; background: var(--paper); border-bottom: 1px solid var(--line);
  display: flex; gap: .4rem; justify-content: flex-end; padding: .5rem clamp(1rem, 4vw, 2rem); font-size: .9rem;
}
.languages label { padding: .2rem .8rem; border-radius: 999px; cursor: pointer; color: var(--muted); }
.languages label:hover { color: var(--ink); }
#en:checked ~ .languages label[for=en], #fr:checked ~ .languages label[for=fr] {
  background: var(--ink); color: var(--paper);
}
#en:focus-visible ~ .languages label[for=en], #fr:focus-visible ~ .languages label[for=fr] {
  outline: 3px solid var(--accent); outline-offset: 2px;
}
#en:checked ~ * [lang=fr], #fr:checked ~ * [lang=en] { display: none; }
#en:checked ~ .languages [lang], #fr:checked ~ .languages [lang] { display: inline-block; }

nav ol { list-style: none; margin: 1.5rem 0 0; padding: 0; border-top: 1px solid var(--line); }
nav li { border-bottom: 1px solid var(--line); }
nav a {
  display: grid; grid-template-columns: 2.6rem 1fr auto; gap: .6rem; align-items: baseline; padding: .6rem .2rem;
  color: inherit; text-decoration: none;
}
nav a:hover .name { text-decoration: underline; }
.number { color: var(--muted); font-variant-numeric: tabular-nums; font-weight: 600; }
.verdict {
  white-space: nowrap; font-size: .84rem; font-weight: 600; padding: .12rem .6rem; border-radius: 999px;
}
.state { text-align: right; }
.terms { display: block; font-size: .78rem; color: var(--muted); }
.holds { color: var(--good); background: var(--good-paper); }
.fails { color: var(--bad); background: var(--bad-paper); }
.missing, .untried { color: var(--muted); background: var(--code); }

section { padding-block: 3.2rem 0; }
section > h2 {
  font-size: 1.6rem; line-height: 1.25; letter-spacing: -.01em; margin: 0 0 .9rem; text-wrap: balance;
}
section > h2 .number { display: block; font-size: .95rem; letter-spacing: .06em; }
blockquote p { margin: .35rem 0; }
blockquote {
  margin: 0 0 1.4rem; padding: .1rem 0 .1rem 1.1rem; border-left: 3px solid var(--accent);
  font-size: 1.13rem;
}
.label {
  font-size: .8rem; font-weight: 600; letter-spacing: .05em; text-transform: uppercase;
  color: var(--muted); margin: 1.8rem 0 .3rem;
}
.quick { background: var(--code); border-radius: 8px; padding: .6rem .9rem; font-size: .95rem; }

table {
  border-collapse: collapse; width: 100%; font-size: .9rem; line-height: 1.45;
  font-variant-numeric: tabular-nums;
}
th, td {
  text-align: left; vertical-align: top; padding: .55rem .9rem .55rem 0;
  border-bottom: 1px solid var(--line);
}
th { font-weight: 600; color: var(--muted); font-size: .82rem; }
td:last-child, th:last-child { padding-right: 0; }
td.amount, th.amount { text-align: right; white-space: nowrap; }
tr.sum td { font-weight: 600; }
.claims td:nth-child(1) { width: 38%; }
.claims td:nth-child(3) { width: 1%; }
.scroll { overflow-x: auto; }
.aside { display: block; font-size: .8rem; color: var(--muted); }
#en:checked ~ main .aside[lang=en], #fr:checked ~ main .aside[lang=fr] { display: block; }
details { margin-top: 1rem; border: 1px solid var(--line); border-radius: 10px; background: var(--card); }
summary { cursor: pointer; padding: .6rem .9rem; font-size: .92rem; font-weight: 600; }
details > div { padding: 0 .9rem .6rem; }

figure { margin: 1.8rem 0 0; }
figure img {
  display: block; width: auto; max-width: 100%; height: auto; margin-inline: auto; border-radius: 10px;
  background: #fff;
  border: 1px solid var(--line);
}
@media (prefers-color-scheme: dark) { figure img { filter: brightness(.9); } }
figcaption {
  margin-top: .6rem; font-size: .95rem; color: var(--muted); text-align: center; text-wrap: pretty;
}
code {
  font: .86em/1.5 ui-monospace, "Cascadia Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace;
  background: var(--code); padding: .12em .4em; border-radius: 5px; overflow-wrap: anywhere;
}
.command { display: block; padding: .6rem .9rem; border-radius: 8px; }
.facts {
  display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.2rem; margin: .3rem 0;
  font-size: .88rem;
}
.facts dt { color: var(--muted); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
footer {
  margin-top: 4rem; padding-block: 1.2rem 3rem; border-top: 1px solid var(--line); color: var(--muted);
  font-size: .88rem;
}

@media (max-width: 40rem) {
  body { font-size: 1rem; }
  .claims thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .claims tr { display: block; border-bottom: 1px solid var(--line); padding-block: .7rem; }
  .claims td { display: block; border: 0; padding: .1rem 0; }
  .claims td:nth-child(n) { width: auto; }
  .claims td:nth-child(2) { color: var(--muted); padding-bottom: .4rem; }
  .facts { grid-template-columns: 1fr; gap: 0; }
  .facts dd { margin-bottom: .5rem; }
}
@media print {
  :root { --paper: #fff; --card: #fff; --ink: #000; --muted: #444; --line: #ccc; --code: #f2f2f2; }
  .languages { display: none; }
  header { padding-top: 0; }
  section { break-before: page; }
  figure, tr, blockquote { break-inside: avoid; }
  figure img { filter: none; max-height: 20cm; }
  details > summary { list-style: none; }
  details::details-content { content-visibility: visible; display: block; }
}
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
"""
