(() => {
  const fold = s => String(s ?? '').replace(/\s+/g, ' ').trim();
  const shown = e => { const r = e.getBoundingClientRect();
    return r.width > 0 && r.height > 0 && e.checkVisibility({ opacityProperty: true, visibilityProperty: true }); };
  // Consent managers: what they show, and the button that refuses.
  const known = [
    ['OneTrust', '#onetrust-banner-sdk', '#onetrust-reject-all-handler'],
    ['Cookiebot', '#CybotCookiebotDialog', '#CybotCookiebotDialogBodyButtonDecline'],
    ['Didomi', '#didomi-notice', '#didomi-notice-disagree-button, .didomi-continue-without-agreeing'],
    ['Usercentrics', '[data-testid=uc-default-wall], [data-testid=uc-app-container]', '[data-testid=uc-deny-all-button]'],
    ['TrustArc', '#truste-consent-track', '#truste-consent-required'],
    ['CookieYes', '.cky-consent-container', '.cky-btn-reject'],
    ['Complianz', '.cmplz-cookiebanner', '.cmplz-deny'],
    ['Osano', '.osano-cm-dialog', '.osano-cm-denyAll'],
    ['iubenda', '#iubenda-cs-banner', '.iubenda-cs-reject-btn'],
    ['Klaro', '.klaro .cookie-notice, .klaro .cookie-modal', '.cn-decline, .cm-btn-decline'],
    ['tarteaucitron', '#tarteaucitronAlertBig', '#tarteaucitronAllDenied2'],
    ['Cookie Consent', '.cc-window', '.cc-deny'],
    ['CookieConsent', '#cc-main', '[data-role=necessary]'],
    ['Shopify', '#shopify-pc__banner', '#shopify-pc__banner__btn-decline'],
    ['Borlabs', '#BorlabsCookieBox', '[data-cookie-refuse]'],
    ['Amazon', '#sp-cc', '#sp-cc-rejectall-link'],
    ['eBay', '#gdpr-banner', '#gdpr-banner-decline'],
  ];
  const refuses = new RegExp('^(?:' + [
    '(?:全部|我)?拒绝(?:全部|所有|非必要|可选)?(?:的)?\\s?(?:cookies?)?', '不同意', '不接受', '暂不同意', '拒绝并(?:继续|关闭)', '仅(?:使用|接受|允许|限)?必[要需](?:的)?\\s?(?:cookies?)?',
    '(?:reject|decline|refuse|deny|disallow)(?: all| optional| non-essential| additional)?(?: (?:cookies|tracking))?', '(?:no,? )?(?:i )?(?:disagree|do not (?:accept|agree|consent)|don[’\']?t (?:accept|agree|consent))',
    '(?:(?:use|accept|allow) )?(?:only )?(?:strictly )?(?:necessary|essential|required)(?: cookies)?(?: only)?', 'continue without (?:accepting|agreeing|consent)', 'no,? thanks',
  ].join('|') + ')[.。!！]?$', 'i');
  const accepts = /^(?:accept|agree|allow|ok(?:ay)?|got it|i agree|yes|同意|接受|允许|知道了|我知道了|好的|确定)/i;
  const about = /cookie|consent|gdpr|隐私|个人信息|追踪/i;

  const roots = [document];
  for (const e of document.querySelectorAll('*')) { if (e.shadowRoot && roots.length < 50) roots.push(e.shadowRoot); }
  const every = selector => roots.flatMap(root => [...root.querySelectorAll(selector)]);
  // A link that leads elsewhere is no button.
  const buttons = within => [...within.querySelectorAll('button, [role=button], input[type=button], input[type=submit], a')]
    .filter(b => shown(b) && !(b.tagName === 'A' && b.getAttribute('href') && !/^(#|javascript:)/i.test(b.getAttribute('href'))));
  const says = b => fold(b.tagName === 'INPUT' ? b.value : b.innerText || b.getAttribute('aria-label'));
  const answer = (manager, banner, button) => {
    const out = { manager, text: fold(banner.innerText).slice(0, 500), button: null };
    if (!button) return out;
    const r = button.getBoundingClientRect(), x = r.left + r.width / 2, y = r.top + r.height / 2;
    // What would be hit must be that button: a page may lay another one over it.
    const root = button.getRootNode(), hit = root.elementFromPoint(x, y);
    if (hit && (hit === button || button.contains(hit))) out.button = { says: says(button).slice(0, 100), x, y };
    return out;
  };
  for (const [manager, banner, refusing] of known) {
    const box = every(banner).find(shown);
    if (!box) continue;
    const button = every(refusing).find(shown);
    if (button && !accepts.test(says(button))) return answer(manager, box, button);
    return answer(manager, box, buttons(box).find(b => refuses.test(says(b))));
  }
  let best = null;
  for (const root of roots) for (const e of root.querySelectorAll('[class*=cookie i], [id*=cookie i], [class*=consent i], [id*=consent i], [class*=gdpr i], [class*=privacy i], [id*=privacy i], [role=dialog], [role=alertdialog], dialog, body > div, body > section, body > aside')) {
    if (!shown(e) || e === document.body) continue;
    const position = getComputedStyle(e).position, dialog = /dialog/.test(e.getAttribute('role') ?? '') || e.tagName === 'DIALOG';
    if (!dialog && position !== 'fixed' && position !== 'sticky') continue;
    const text = fold(e.innerText);
    if (text.length > 3000 || !about.test(text)) continue;
    const its = buttons(e);
    const button = its.find(b => refuses.test(says(b)));
    if (button) return answer(null, e, button);
    if (its.some(b => accepts.test(says(b)))) best ??= e;
  }
  return best ? answer(null, best, null) : null;
})()
