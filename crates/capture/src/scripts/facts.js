(() => {
  const LIMIT = 30000, MANY = 4;
  const fold = s => String(s ?? '').replace(/\s+/g, ' ').trim();
  const cut = s => [...fold(s)].slice(0, 300).join('');
  const rect = r => { const x = Math.floor(r.left + scrollX), y = Math.floor(r.top + scrollY);
    return r.width > 0 && r.height > 0 && x >= 0 && y >= 0
      ? [x, y, Math.ceil(r.right + scrollX) - x, Math.ceil(r.bottom + scrollY) - y] : null; };
  const shown = e => { const r = e.getBoundingClientRect();
    return r.width > 0 && r.height > 0 && e.checkVisibility({ opacityProperty: true, visibilityProperty: true }); };
  const box = (...elements) => {
    const range = document.createRange();
    range.setStartBefore(elements[0]); range.setEndAfter(elements[elements.length - 1]);
    // A block's range is as wide as its column; its text is what is meant.
    const inner = document.createRange();
    if (elements.length === 1) inner.selectNodeContents(elements[0]);
    const r = (elements.length === 1 ? inner : range).getBoundingClientRect();
    return elements.every(shown) ? rect(r) : null; };
  const struck = e => { for (let n = e, i = 0; n && i < 4; n = n.parentElement, i++)
      if (/^(DEL|S|STRIKE)$/.test(n.tagName) || getComputedStyle(n).textDecorationLine.includes('line-through')) return true;
    return [...e.children].some(c => /^(DEL|S|STRIKE)$/.test(c.tagName) || getComputedStyle(c).textDecorationLine.includes('line-through')); };

  const facts = [], counts = {};
  const add = (name, value, source, where, b) => {
    value = cut(value);
    const key = name + ' ' + source;
    if (!value || facts.length >= 200 || (counts[key] ?? 0) >= MANY) return;
    if (facts.some(f => f.name === name && f.source === source && f.value === value && String(f.box) === String(b ?? null))) return;
    counts[key] = (counts[key] ?? 0) + 1;
    facts.push({ name, value, source, where: cut(where), box: b ?? null });
  };

  // Visible lines.
  const money = String.raw`(?:(?:[¥￥$€£]|RMB|CNY|USD|EUR|GBP|US\$|HK\$|NT\$)\s?\d[\d,]*(?:\.\d{1,2})?(?:\s?[-–~至]\s?(?:[¥￥$€£]\s?)?\d[\d,]*(?:\.\d{1,2})?)?(?:\s?(?:起|元))?|\d[\d,]*(?:\.\d{1,2})?\s?元(?:起)?|\d[\d,]*(?:\.\d{1,2})?\s?(?:USD|EUR|GBP|€))`;
  const forms = [
    ['price', new RegExp(String.raw`^(价格|售价|现价|单价|到手价|券后价?|券后|活动价|促销价|优惠价|批发价|拼单价|秒杀价|预售价|会员价|原价|市场价|参考价|吊牌价|list price|sale price|our price|price|now|was)\s*[:：]?\s*${money}$`, 'i')],
    ['sales', /^(月销量?|已售出?|销量|累计销量|总销量|累计已售|已拼|成交量?|近\s?30\s?天(?:成交|销量)|sold)\s*[:：]?\s*\d[\d,.]*\s*(?:万|亿|w|k)?\s*\+?\s*(?:件|笔|单|个|台)?$/i],
    ['sales', /^\d[\d,.]*\s*(?:万|亿|w|k)?\s*\+?\s*(人付款|人已付款|人收货|人已买|件已售|sold|bought in past month|orders)$/i],
    ['item-number', /^(商品编号|商品编码|商品货号|货号|款号|商品\s?ID|宝贝\s?ID|产品编号|产品货号|item (?:number|no\.?|id|model number)|item\s?#|sku|asin|product (?:code|number|id)|art(?:icle)?\.? ?(?:no\.?|number))\s*[:：#]?\s*(?=[^\s]*\d)[A-Za-z0-9][A-Za-z0-9._\/-]{1,39}$/i],
    ['shop', /^(店铺名?称?|卖家|掌柜|商家|供应商|商户|seller|store|shop|shop name|merchant)\s*[:：]\s*\S.{0,59}$/i],
    ['shop', /^(sold by|ships from and sold by)\s*[:：]?\s*\S.{0,59}$/i],
    ['shop', /^(visit the) \S.{0,50} store$/i],
  ];
  const bare = new RegExp(`^${money}$`, 'i');
  const skip = /^(SCRIPT|STYLE|NOSCRIPT|TEMPLATE|OPTION|TEXTAREA|HEAD|TITLE|META|LINK|SVG|CANVAS)$/i;
  for (const h of [...document.querySelectorAll('h1')].slice(0, 20))
    if (shown(h)) add('title', h.innerText, 'visible-text', 'h1', box(h));
  const all = document.body ? document.body.getElementsByTagName('*') : [];
  const prices = [];
  let labelled = false;
  for (let i = 0; i < all.length && i < LIMIT; i++) {
    const e = all[i];
    if (skip.test(e.tagName)) continue;
    const raw = e.textContent;
    if (raw.length < 2 || raw.length > 400) continue;
    let text = fold(raw), parts = [e];
    if (!text || text.length > 90) continue;
    // A term and what is said of it stand in two elements.
    const next = e.nextElementSibling;
    if (next && ((e.tagName === 'DT' && next.tagName === 'DD') || (e.tagName === 'TH' && next.tagName === 'TD'))) {
      text = fold(text + ' ' + next.textContent); parts = [e, next];
      if (text.length > 90) continue;
    } else if ([...e.children].some(c => fold(c.textContent) === text)) continue; // the inner one is meant
    const known = forms.find(([, form]) => form.test(text));
    if (!known && !bare.test(text)) continue;
    if (!parts.every(shown)) continue;
    const seen = fold(parts.map(p => p.innerText ?? '').join(' '));
    // Spans without a space between, or a part that is hidden.
    if (seen.replace(/\s/g, '') !== text.replace(/\s/g, '')) continue;
    if (known) {
      if (known[0] === 'price') labelled = true;
      add(known[0], seen, 'visible-text', text.match(known[1])[1], box(...parts));
    } else if (!struck(e) && prices.length < 500) prices.push([seen, e]);
  }
  if (!labelled && new Set(prices.map(([text]) => text.replace(/\s/g, ''))).size === 1)
    add('price', prices[0][0], 'visible-text', 'the only price shown', box(prices[0][1]));

  // Microdata.
  const properties = { name: 'title', price: 'price', sku: 'item-number', productID: 'item-number', mpn: 'item-number' };
  const products = [...document.querySelectorAll('[itemscope][itemtype*="schema.org/Product"]')];
  for (const product of products.length <= 3 ? products : [])
    for (const e of [...product.querySelectorAll('[itemprop]')].slice(0, 300)) {
      const scope = e.parentElement?.closest('[itemscope]');
      const kind = fold(scope?.getAttribute('itemtype')), property = e.getAttribute('itemprop');
      const value = fold(e.getAttribute('content') ?? e.textContent);
      const visible = shown(e) && fold(e.innerText) === value ? box(e) : null;
      if (scope === product && property !== 'price' && properties[property]) add(properties[property], value, 'microdata', property, visible);
      else if (/schema\.org\/(Aggregate)?Offer/.test(kind) && property === 'price') {
        const currency = fold(scope.querySelector('[itemprop=priceCurrency]')?.getAttribute('content'));
        add('price', visible || !currency ? value : value + ' ' + currency, 'microdata', 'price', visible);
      } else if (property === 'name' && /\bseller\b/.test(scope?.getAttribute('itemprop') ?? '')) add('shop', value, 'microdata', 'seller.name', visible);
    }

  // JSON-LD.
  const found = [], list = v => Array.isArray(v) ? v : v == null ? [] : [v];
  const look = (node, depth) => {
    if (depth > 5 || found.length > 3 || node === null || typeof node !== 'object') return;
    if (Array.isArray(node)) { node.slice(0, 50).forEach(n => look(n, depth + 1)); return; }
    if (list(node['@type']).some(t => t === 'Product' || t === 'ProductGroup')) found.push(node);
    else for (const name of ['@graph', 'mainEntity', 'mainEntityOfPage', 'itemListElement', 'item']) look(node[name], depth + 1);
  };
  for (const script of [...document.querySelectorAll('script[type="application/ld+json" i]')].slice(0, 30)) {
    if (script.textContent.length > 1 << 20) continue;
    try { look(JSON.parse(script.textContent), 0); } catch {}
  }
  const word = v => typeof v === 'string' || typeof v === 'number' ? String(v) : '';
  for (const p of found.length <= 3 ? found : []) {
    add('title', word(p.name), 'json-ld', 'name');
    for (const name of ['sku', 'productID', 'mpn', 'gtin13', 'gtin']) add('item-number', word(p[name]), 'json-ld', name);
    for (const o of list(p.offers).slice(0, 10)) {
      if (o === null || typeof o !== 'object') continue;
      for (const name of ['price', 'lowPrice', 'highPrice'])
        if (word(o[name])) add('price', word(o[name]) + ' ' + word(o.priceCurrency), 'json-ld', 'offers.' + name);
      for (const s of list(o.seller)) add('shop', word(s?.name), 'json-ld', 'offers.seller.name');
    }
  }

  // Open Graph, title, address.
  const meta = name => document.querySelector(`meta[property="${name}"]`)?.getAttribute('content');
  add('title', meta('og:title'), 'open-graph', 'og:title');
  for (const amount of ['product:price:amount', 'og:price:amount'])
    if (fold(meta(amount))) add('price', meta(amount) + ' ' + fold(meta(amount.replace('amount', 'currency'))), 'open-graph', amount);
  add('item-number', meta('product:retailer_item_id'), 'open-graph', 'product:retailer_item_id');
  add('title', document.title, 'document-title', 'title');
  const host = location.hostname, under = name => host === name || host.endsWith('.' + name);
  const query = name => new URLSearchParams(location.search).get(name), path = form => location.pathname.match(form)?.[1];
  const rules = [
    ['taobao.com id', under('taobao.com') || under('tmall.com'), () => query('id')],
    ['jd.com path', under('jd.com'), () => path(/^\/(?:product\/)?(\d+)\.html$/)],
    ['1688.com offer', under('1688.com'), () => path(/^\/offer\/(\d+)\.html$/)],
    ['pinduoduo goods_id', under('yangkeduo.com') || under('pinduoduo.com'), () => query('goods_id')],
    ['amazon dp', /(^|\.)amazon\.[a-z.]+$/.test(host), () => path(/\/(?:dp|gp\/product)\/([A-Z0-9]{10})(?:\/|$)/)],
    ['ebay itm', /(^|\.)ebay\.[a-z.]+$/.test(host), () => path(/^\/itm\/(?:[^/]+\/)?(\d+)$/)],
    ['aliexpress item', /(^|\.)aliexpress\.[a-z.]+$/.test(host), () => path(/\/item\/(\d+)\.html$/)],
  ];
  for (const [rule, holds, number] of rules)
    if (holds && /^[A-Za-z0-9]{1,40}$/.test(number() ?? '')) add('item-number', number(), 'address', rule);

  const order = ['visible-text', 'microdata', 'json-ld', 'open-graph', 'document-title', 'address'];
  const names = ['title', 'shop', 'item-number', 'price', 'sales'];
  facts.sort((a, b) => order.indexOf(a.source) - order.indexOf(b.source) || names.indexOf(a.name) - names.indexOf(b.name));
  const root = document.documentElement;
  const size = n => Number.isFinite(n) ? Math.round(n) : 0;
  return {
    page: {
      url: location.href.slice(0, 8192), title: document.title.slice(0, 2000), language: root?.getAttribute('lang')?.slice(0, 64) ?? null,
      charset: document.characterSet, width: size(Math.max(root?.scrollWidth ?? 0, document.body?.scrollWidth ?? 0)),
      height: size(Math.max(root?.scrollHeight ?? 0, document.body?.scrollHeight ?? 0)),
    },
    facts: facts.slice(0, 40),
    images: [...document.images].slice(0, 5000).map(i => ({ url: i.currentSrc.slice(0, 65536), natural: i.naturalWidth ? [i.naturalWidth, i.naturalHeight] : null })),
    media: [...document.querySelectorAll('video,audio')].slice(0, 100).map(m => ({
      url: (m.currentSrc || m.src || m.querySelector('source')?.src || '').slice(0, 8192), element: m.tagName.toLowerCase(),
      seconds: Number.isFinite(m.duration) ? Math.round(m.duration) : null, box: shown(m) ? rect(m.getBoundingClientRect()) : null,
    })),
  };
})()
