// Shows one slide at a time, by keyboard or button; a step on a slide is hidden until it is asked for.
document.documentElement.classList.add('presenting');
document.addEventListener('DOMContentLoaded', () => {
  const slides = [...document.querySelectorAll('.slide')];
  const place = document.getElementById('place');
  const jump = document.getElementById('jump');
  const smallest = 0.7; // below, a room could not read it: rather scroll
  let now = 0;

  // The titles to jump to are those that begin something, not those that are repeated on the next slides.
  slides.forEach((slide, index) => {
    slide.tabIndex = -1;
    const heading = slide.querySelector(':is(h1, h2, h3):not(.running)');
    if (heading) jump.append(new Option(heading.textContent, index));
  });

  const fit = () => {
    const slide = slides[now];
    let size = 1;
    const over = () => slide.scrollHeight > slide.clientHeight + 1
      || [...slide.querySelectorAll('pre, .scroll')].some((box) => box.scrollWidth > box.clientWidth + 1);
    do {
      slide.style.setProperty('--fit', size.toFixed(2));
      size -= 0.04;
    } while (over() && size >= smallest);
  };

  const steps = () => [...slides[now].querySelectorAll('.step')];
  const go = (index, told) => {
    now = Math.max(0, Math.min(slides.length - 1, index));
    slides.forEach((slide, each) => slide.classList.toggle('now', each === now));
    steps().forEach((step) => step.classList.toggle('told', told));
    slides[now].scrollTop = 0;
    fit();
    place.textContent = `${now + 1} of ${slides.length}`;
    const titled = [...jump.options].filter((option) => Number(option.value) <= now);
    jump.value = titled.at(-1)?.value ?? '0';
    history.replaceState(null, '', `#${now + 1}`);
    document.getElementById('back').disabled = now === 0;
    // What is read out, and what the arrow keys scroll, is the slide.
    if (!document.activeElement?.closest('.controls')) slides[now].focus({ preventScroll: true });
  };
  const on = () => {
    const next = steps().find((step) => !step.classList.contains('told'));
    if (!next) {
      if (now < slides.length - 1) go(now + 1, false);
      return;
    }
    next.classList.add('told');
    if (next.matches('details')) next.open = true;
    next.scrollIntoView({ block: 'nearest' });
    fit();
  };
  const back = () => {
    const told = steps().filter((step) => step.classList.contains('told')).at(-1);
    if (told) told.classList.remove('told');
    else if (now > 0) go(now - 1, true);
  };

  const keys = {
    ArrowRight: on, PageDown: on, ' ': on, ArrowLeft: back, PageUp: back, Backspace: back,
    Home: () => go(0, false), End: () => go(slides.length - 1, true),
  };
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
    const control = event.target.closest('button, select, a, summary');
    // A space presses the button that has the focus, and arrows choose in the list.
    if (control && (event.key === ' ' || control.matches('select'))) return;
    event.preventDefault();
    (event.key === ' ' && event.shiftKey ? back : keys[event.key])();
  });
  document.getElementById('on').addEventListener('click', on);
  document.getElementById('back').addEventListener('click', back);
  jump.addEventListener('change', () => go(Number(jump.value), false));
  const full = document.getElementById('full');
  full.hidden = !document.fullscreenEnabled;
  full.addEventListener('click', () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else document.documentElement.requestFullscreen();
  });
  addEventListener('resize', fit);
  addEventListener('hashchange', () => go(Number(location.hash.slice(1)) - 1, false));
  document.querySelector('.controls').hidden = false;
  go((Number(location.hash.slice(1)) || 1) - 1, false);
});
