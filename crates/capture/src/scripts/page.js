(() => {
  const seen = e => { const r = e.getBoundingClientRect(), s = getComputedStyle(e);
    return r.width > 0 && r.height > 0 && s.visibility !== 'hidden' && s.display !== 'none' && s.opacity !== '0'; };
  const large = e => { const r = e.getBoundingClientRect(); return r.width >= 48 && r.height >= 48; };
  const marks = ['#nc_1_n1z', '.nc-container', '#baxia-dialog-content', '.geetest_panel', '.geetest_holder', '#tcaptcha_iframe',
    '.yidun', '.yidun_slider', 'iframe[src*="captcha"]', 'iframe[src*="hcaptcha"]', 'iframe[src*="recaptcha/api2/bframe"]',
    'iframe[src*="challenges.cloudflare"]', '#challenge-form', '#cf-challenge-running', '.slide-verify', '.slider-captcha',
    '#captcha', '.captcha', '.JDJRV-slide', '#slideVerify'];
  const images = [...document.images];
  return {
    url: location.href, title: document.title.slice(0, 2000),
    text: (document.body ? document.body.innerText : document.documentElement ? document.documentElement.textContent : '').slice(0, 8000000),
    passwords: [...document.querySelectorAll('input[type=password]')].filter(seen).length,
    images: images.filter(i => i.complete && i.naturalWidth >= 16 && large(i)).length,
    drawings: [...document.querySelectorAll('canvas,svg,iframe,embed,object')].filter(e => seen(e) && large(e)).length,
    challenges: marks.filter(m => [...document.querySelectorAll(m)].some(seen)),
    missing_images: images.filter(i => i.currentSrc && (!i.complete || !i.naturalWidth)).length,
    media: document.querySelectorAll('video,audio').length,
  };
})()
