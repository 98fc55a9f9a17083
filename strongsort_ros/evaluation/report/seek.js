'use strict';
(() => {
  const video = document.querySelector('video');
  const first = Number(video.dataset.first), rate = Number(video.dataset.rate);
  const charts = [...document.querySelectorAll('svg[data-start]')];
  const switches = [...document.querySelectorAll('.switch')]
    .map(mark => Number(mark.dataset.frame)).sort((a, b) => a - b);
  const current = () => first + Math.floor(video.currentTime * rate + 0.01);
  // The middle of a frame: rounding never shows the one before it.
  const seek = frame => { video.pause(); video.currentTime = Math.max(frame - first + 0.5, 0) / rate; };

  for (const chart of charts) {
    const line = document.createElementNS(chart.namespaceURI, 'path');
    line.setAttribute('class', 'now');
    chart.append(line);
  }
  const show = () => {
    const frame = current();
    document.querySelector('#frame').textContent = `frame ${frame}`;
    for (const chart of charts) {
      const x = (frame - chart.dataset.start + 0.5) / chart.dataset.frames * chart.clientWidth;
      chart.lastElementChild.setAttribute('d', `M${x} 0V${chart.clientHeight}`);
    }
    if (!video.paused) requestAnimationFrame(show);
  };
  for (const name of ['loadedmetadata', 'play', 'seeked']) video.addEventListener(name, show);

  const steps = {
    'previous-switch': () => switches.findLast(frame => frame < current()),
    'previous-frame': () => current() - 1,
    'next-frame': () => current() + 1,
    'next-switch': () => switches.find(frame => frame > current()),
  };
  document.addEventListener('click', event => {
    const step = event.target.closest('[data-step]');
    const marked = event.target.closest('[data-frame]');
    const chart = event.target.closest('svg[data-start]');
    if (step) {
      const frame = steps[step.dataset.step]();
      if (frame !== undefined) seek(frame);
    } else if (marked) {
      seek(Number(marked.dataset.frame));
    } else if (chart) {
      const box = chart.getBoundingClientRect();
      const share = (event.clientX - box.left) / box.width;
      seek(Number(chart.dataset.start) + Math.floor(share * chart.dataset.frames));
    }
  });
  for (const part of document.querySelectorAll('[data-script]')) part.hidden = false;
  for (const button of document.querySelectorAll('[data-step$=switch]')) button.hidden = !switches.length;
  if (video.readyState) show();
})();
