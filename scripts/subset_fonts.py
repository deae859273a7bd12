#!/usr/bin/env python3
"""Make the certificate's fonts from Debian's fonts-noto-cjk and fonts-noto-core: python3 scripts/subset_fonts.py

Needs fontTools (python3 -m venv V && V/bin/pip install fonttools). Run it again when a template gains
a character. The families are renamed, so that the full fonts of a system can stand behind them as a
fallback instead of hiding them.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

from fontTools.feaLib.builder import addOpenTypeFeaturesFromString
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTCollection, TTFont

SOURCE = pathlib.Path(os.environ.get("NOTO_CJK", "/usr/share/fonts/opentype/noto"))
CORE = pathlib.Path(os.environ.get("NOTO_CORE", "/usr/share/fonts/truetype/noto"))
CRATE = pathlib.Path(__file__).resolve().parent.parent / "crates" / "certificate"
EPOCH = 3786912000  # 2024-01-01 in OpenType time: the same input gives the same bytes

# Name characters that GB2312 does not hold, as registries meet them.
NAMES = (
    "喆珺镕燊堃淼垚赟玥璟瑄翀祎珩瑀琤昶晞晅昉曌煊烨炜焜珅玙珮琰璠筠翊骉骐骎芃芊菡蓁媖婳婧媞嫄嬿彧恺惇愔"
    "钰铖锜鋆鑫镠闫隽霂霈靓颋飏馥鹓龢龑䶮犇羴鱻麤毳焱燚壵朤叕尛珈琊琲琬瑜瑢璘璇瓒瓛甯皛皞皦眙硚碏祺禔禛"
    "秾稑穀竑笙筱箬篪粲綦緈縯纮纾绾缐罡羿翯翾耑聿肸胗脩臻舢艽苡茆茗荇荥莙菀菁萱葳蒽蔚蕤薇藴蘅虓蛮袆褀觐"
    "訚詝誉谂豳贇赪趯跂軏轸迺逄逯遹邕邗郄郗鄢鄷酆釗釭釴鈊鈜鈺鉌鉦銥銮鋐鋒鋕鋮錀錤錧鍀鍇鎏鏸钇钊钎钜钧钫钤"
    "铓铠铤铧锎锟锳锽镃镆镔镡阆阚陞隹雱雲霄霏霓靖靰韡頔頫顗颀颙飔飗骁骃骢骥魟鲲鸑鸣麇黟黻鼐齊龂煜燏爔珉珑"
    "珝珣珲珽璈璐璞瑨瑷琇琎琏琚琛琦琨琮琯瑭瑱瑶瑾璆璋璎璜璨濛濬瀚瀛灏漪潆湉浛浠淏湜湲溦滢漩澔澍澎沄沅沚泠"
    "泫泓洛洺洵浔浚涂涵淇淑旻旸昀昕昫晟晔晗晢暄暐暲曈曦昇昊柃柠栩桁桉桐桢梓梣梵棣棽椋榕楠楷槿樾橦檀榆枘枫"
)
ASCII = "".join(chr(c) for c in range(0x20, 0x7F))
MARKS = "·—–‘’“”…　、。〈〉《》「」『』【】〔〕（）！，：；？￥￠×÷°±№℃→←↑↓＋－＝～／％＆＠＃＊｜＿．"
# Latin-1, Extended-A and -B, and Extended Additional, which Vietnamese writes with; of these what a font has. No
# combining marks: with them the shaper would build a letter that Noto CJK lacks from parts that it cannot place.
LATIN = "".join(chr(c) for first, end in ((0xA0, 0x250), (0x1E00, 0x1F00), (0x20AB, 0x20AC))
                for c in range(first, end) if c != 0xAD)


def gb2312():
    """The 7,445 characters of GB 2312, in its own order."""
    out = []
    for row in range(0xA1, 0xF8):
        for cell in range(0xA1, 0xFF):
            try:
                out.append(bytes([row, cell]).decode("gb2312"))
            except UnicodeDecodeError:
                pass
    return "".join(out)


def face(ttc, name):
    """Index of the face called `name` inside the collection."""
    for i, f in enumerate(TTCollection(str(SOURCE / ttc), lazy=True).fonts):
        if f["name"].getDebugName(4) == name:
            return i
    sys.exit(f"{ttc} holds no face {name}")


def rename(font, family, style):
    table = font["name"]
    for record in list(table.names):
        if record.nameID not in (0, 13, 14):
            table.removeNames(nameID=record.nameID)
    full = f"{family} {style}"
    for nid, value in ((1, full if style not in ("Regular", "Bold") else family), (2, "Regular"), (3, full), (4, full),
                       (5, "Version 1.0; subset of Noto CJK"), (6, full.replace(" ", "-")), (16, family), (17, style)):
        table.setName(value, nid, 3, 1, 0x409)
    font["head"].created = font["head"].modified = EPOCH


def subset(ttc, name, family, style, text, out):
    with tempfile.TemporaryDirectory() as tmp:
        chars, raw = pathlib.Path(tmp, "chars"), pathlib.Path(tmp, "out.otf")
        chars.write_text("".join(sorted(set(text))), encoding="utf-8")
        subprocess.check_call([sys.executable, "-m", "fontTools.subset", str(SOURCE / ttc), f"--font-number={face(ttc, name)}",
                               f"--text-file={chars}", f"--output-file={raw}", "--layout-features=kern,halt,palt,locl",
                               "--no-hinting", "--name-IDs=0,13,14", "--drop-tables+=vhea,vmtx,VORG,BASE"])
        font = TTFont(raw, recalcTimestamp=False)
        rename(font, family, style)
        if "CFF " in font:
            cff = font["CFF "].cff
            cff.fontNames = [f"{family} {style}".replace(" ", "-")]
            top = cff.topDictIndex[0]
            top.FullName, top.FamilyName = f"{family} {style}", family
        font.save(out)
    print(out.name, out.stat().st_size)


def latin(source, family, style, out):
    """For words with letters that Noto CJK lacks (Polish, Czech, Turkish, Hungarian, Romanian …); OFL too."""
    with tempfile.TemporaryDirectory() as tmp:
        raw = pathlib.Path(tmp, "out.ttf")
        subprocess.check_call([sys.executable, "-m", "fontTools.subset", str(CORE / source), f"--text={ASCII + LATIN}",
                               f"--output-file={raw}", "--layout-features=kern,mark,mkmk,ccmp", "--no-hinting",
                               "--name-IDs=0,13,14"])
        font = TTFont(raw, recalcTimestamp=False)
        rename(font, family, style)
        font.save(out)
    print(out.name, out.stat().st_size)


def mono(out):
    """Latin of Noto Sans Mono CJK as TrueType, with hexadecimal digits that carry the gap after an eighth.

    The gap is part of the glyph (feature ss01), not a space and not a move: a digest set in eights is
    one run of characters, and a reader copies it as one string.
    """
    source = TTCollection(str(SOURCE / "NotoSansCJK-Regular.ttc"))
    source = source.fonts[face("NotoSansCJK-Regular.ttc", "Noto Sans Mono CJK SC")]
    glyphs, cmap = source.getGlyphSet(), source.getBestCmap()
    chars = sorted(set(ASCII + "·—–×"))
    names = {c: f"u{ord(c):04X}" for c in chars}
    wide = {c: names[c] + ".wide" for c in "0123456789abcdef"}
    outlines, metrics = {}, {}
    for target, glyph, gap in ([(".notdef", glyphs[".notdef"], 0)] + [(names[c], glyphs[cmap[ord(c)]], 0) for c in chars]
                               + [(wide[c], glyphs[cmap[ord(c)]], 620) for c in wide]):
        pen = TTGlyphPen(None)
        glyph.draw(Cu2QuPen(pen, 0.5, reverse_direction=True))
        outlines[target] = pen.glyph()
        metrics[target] = glyph.width + gap
    build = FontBuilder(source["head"].unitsPerEm, isTTF=True)
    build.setupGlyphOrder(list(outlines))
    build.setupCharacterMap({ord(c): n for c, n in names.items()})
    build.setupGlyf(outlines)
    build.setupHorizontalMetrics({n: (w, getattr(build.font["glyf"][n], "xMin", 0)) for n, w in metrics.items()})
    build.setupHorizontalHeader(ascent=source["hhea"].ascent, descent=source["hhea"].descent)
    build.setupOS2(sTypoAscender=880, sTypoDescender=-120, usWinAscent=1160, usWinDescent=288, usWeightClass=400, fsType=0,
                   sCapHeight=733, sxHeight=543)
    build.setupPost(isFixedPitch=1)
    build.setupNameTable({})
    for nid in (0, 13, 14):
        value = source["name"].getDebugName(nid)
        if value:
            build.font["name"].setName(value, nid, 3, 1, 0x409)
    rename(build.font, "Quezao Mono", "Regular")
    rules = "".join(f"sub {names[c]} by {wide[c]};" for c in wide)
    addOpenTypeFeaturesFromString(build.font, f"languagesystem DFLT dflt; languagesystem latn dflt; feature ss01 {{ {rules} }} ss01;")
    build.font.recalcTimestamp = False
    build.save(out)
    print(out.name, out.stat().st_size)


def main():
    fonts = CRATE / "fonts"
    words = "".join(p.read_text(encoding="utf-8") for p in sorted((CRATE / "assets").glob("*.typ")))
    words = "".join(c for c in re.sub(r"[\n\r\t]", "", words))
    every = ASCII + LATIN + MARKS + gb2312() + NAMES + words
    subset("NotoSansCJK-Regular.ttc", "Noto Sans CJK SC", "Quezao Sans", "Regular", every, fonts / "QuezaoSans-Regular.otf")
    subset("NotoSerifCJK-SemiBold.ttc", "Noto Serif CJK SC SemiBold", "Quezao Serif", "SemiBold", every, fonts / "QuezaoSerif-SemiBold.otf")
    # Only the template's own words and digits stand in these two.
    subset("NotoSansCJK-Medium.ttc", "Noto Sans CJK SC Medium", "Quezao Sans", "Medium", ASCII + MARKS + words, fonts / "QuezaoSans-Medium.otf")
    subset("NotoSerifCJK-Regular.ttc", "Noto Serif CJK SC", "Quezao Serif", "Regular", ASCII + MARKS + words, fonts / "QuezaoSerif-Regular.otf")
    # Curly quotes are full-width in the SC face; English takes them from the proportional Korean one.
    subset("NotoSansCJK-Regular.ttc", "Noto Sans CJK KR", "Quezao Quotes", "Regular", "‘’“”–—…·", fonts / "QuezaoQuotes-Regular.otf")
    latin("NotoSans-Regular.ttf", "Quezao Latin", "Regular", fonts / "QuezaoLatin-Regular.ttf")
    latin("NotoSerif-Bold.ttf", "Quezao Latin Serif", "Bold", fonts / "QuezaoLatinSerif-Bold.ttf")
    mono(fonts / "QuezaoMono-Regular.ttf")


main()
