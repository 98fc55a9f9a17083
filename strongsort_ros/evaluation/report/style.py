"""How a report looks, by light and by dark, on a desk and on a phone."""

STYLE = """
:root { color-scheme: light dark; --page: #fff; --card: #f3f5f8; --ink: #18202b; --pale: #53606f;
  --line: #d3dae2; --assa: #0a61b8; --deta: #b3470a; --good: #0f6b39; --bad: #b02318; }
@media (prefers-color-scheme: dark) {
  :root { --page: #11151b; --card: #1b222b; --ink: #e7ecf2; --pale: #a2afbf; --line: #303a47;
    --assa: #6cb6ff; --deta: #ffab6b; --good: #6ed69a; --bad: #ff9d94; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 70rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.8rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.6rem 0 .3rem; overflow-wrap: anywhere; }
.note { color: var(--pale); font-size: .92rem; margin: .4rem 0 .8rem; max-width: 48rem; }
nav { font-size: .92rem; margin-top: .8rem; display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; }
a { color: var(--assa); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .7rem;
  margin: 1.2rem 0; }
.cards > div { background: var(--card); border-radius: 8px; padding: .6rem .9rem .7rem; }
.cards dt { color: var(--pale); font-size: .9rem; }
.cards dd { margin: 0; font-size: 1.7rem; font-weight: 650; line-height: 1.25;
  font-variant-numeric: tabular-nums; }
.cards .change { font-size: .82rem; font-weight: 400; color: var(--pale); }
.cards .change span { display: block; font-weight: 600; }
.good { color: var(--good); } .bad { color: var(--bad); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem;
  margin: .3rem 0; }
caption { text-align: left; color: var(--pale); padding-bottom: .3rem; }
th, td { padding: .28rem .5rem; text-align: right; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
tr > th:first-child { text-align: left; padding-left: 0; min-width: 7.5rem; }
tbody th { white-space: normal; vertical-align: top; font-weight: 500; }
thead th { color: var(--pale); font-weight: 600; vertical-align: bottom; }
.words { text-align: left; }
td.words { white-space: normal; }
details { margin: .6rem 0; } details > img { max-width: 45rem; margin-top: .4rem; }
summary { cursor: pointer; color: var(--assa); }
svg { display: block; width: 100%; height: auto; }
svg text { fill: currentColor; font: 13px system-ui, sans-serif; }
svg.timeline { min-width: 56rem; } svg.timeline text { font-size: 11px; }
svg.timeline .dark, svg.timeline .light { font-size: 9.5px; fill: #000; }
svg.timeline .light { fill: #fff; }
svg.curves, svg.latencies { max-width: 40rem; }
.grid { stroke: var(--line); fill: none; }
.gap { fill: var(--pale); opacity: .75; }
.switch { fill: currentColor; stroke: currentColor; stroke-width: 1.2; }
.line { stroke: currentColor; stroke-width: 2; fill: none; }
.broken { stroke-dasharray: 5 4; stroke-width: 1.6; }
.marker { fill: currentColor; }
.hota { color: var(--ink); } .assa { color: var(--assa); } .deta { color: var(--deta); }
.latencies .line { color: var(--assa); stroke-width: 1.5; }
.p50 { fill: var(--assa); } .p95 { fill: var(--assa); opacity: .4; }
img { display: block; width: 100%; height: auto; border-radius: 5px; }
figure { margin: 0 0 1.6rem; } figcaption { margin-bottom: .4rem; }
.strip { display: flex; flex-wrap: wrap; gap: .4rem; }
.strip img { height: min(11.7rem, 32vw); width: auto; max-width: 100%; object-fit: contain; }
.pictures { display: grid; gap: .6rem;
  grid-template-columns: repeat(auto-fill, minmax(min(18rem, 100%), 1fr)); }
"""
