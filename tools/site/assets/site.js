// What pages and slides share: light or dark, and boxes that can be scrolled by keyboard. Works without a network.
(() => {
  const root = document.documentElement;
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const shown = () => root.dataset.theme ?? (dark.matches ? 'dark' : 'light');
  // Storage can be forbidden, as it is for some files opened from a disk; the switch then holds for this page.
  const kept = (value) => {
    try {
      if (value) localStorage.setItem('theme', value);
      return localStorage.getItem('theme');
    } catch {
      return null;
    }
  };
  // Before anything is painted.
  if (['light', 'dark'].includes(kept())) root.dataset.theme = kept();

  const whatScrollsTakesTheFocus = () => {
    for (const box of document.querySelectorAll('pre, .scroll')) {
      if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) box.tabIndex = 0;
      else box.removeAttribute('tabindex');
    }
  };

  document.addEventListener('DOMContentLoaded', () => {
    const button = document.getElementById('theme');
    const say = () => { button.textContent = shown() === 'dark' ? 'Light' : 'Dark'; };
    button.hidden = false;
    button.addEventListener('click', () => {
      root.dataset.theme = shown() === 'dark' ? 'light' : 'dark';
      kept(root.dataset.theme);
      say();
    });
    dark.addEventListener('change', say);
    say();

    const wide = matchMedia('(min-width: 64rem)');
    const unfold = () => document.querySelectorAll('.side details').forEach((each) => { each.open = wide.matches; });
    wide.addEventListener('change', unfold);
    unfold();

    new ResizeObserver(whatScrollsTakesTheFocus).observe(document.body);
    whatScrollsTakesTheFocus();
  });

  // On paper nobody can open anything.
  addEventListener('beforeprint', () => {
    document.querySelectorAll('main details').forEach((each) => { each.open = true; });
  });
})();
