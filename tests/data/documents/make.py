"""Makes the files of this folder with the programs that people make such files with, from texts of our own.

    python tests/data/documents/make.py

needs LibreOffice, Chromium, pandoc and poppler's pdftotext. What it makes is committed, so that tests need none of
them. `expected.json` says of each file which text it must give, and of a PDF what pdftotext finds on each page.
"""

from __future__ import annotations

import csv
import html
import io
import json
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
from email.message import EmailMessage
from pathlib import Path

HERE = Path(__file__).resolve().parent
Blocks = list[tuple[str, str]]

HARBOUR: Blocks = [
    ("h1", "The harbour in spring"),
    (
        "p",
        "The harbour of Lindvik opened again on the second of March, three weeks earlier than in the year before.",
    ),
    ("h2", "Cranes"),
    (
        "p",
        "Four cranes stand on the eastern quay. The newest lifts forty tonnes and replaced one that had rusted through.",
    ),
    ("li", "The northern crane is used for timber."),
    ("li", "The southern crane is used for grain and salt."),
    ("li", "Both stop when the wind is stronger than eighteen metres a second."),
    ("h2", "Tariffs"),
    ("p", "Ships pay for each day, and the smaller ones pay less than half."),
    ("row", "Class|Length in metres|Crowns a day"),
    ("row", "Small|up to 20|140"),
    ("row", "Middle|20 to 60|390"),
    ("row", "Large|over 60|880"),
    ("h2", "What comes next"),
    (
        "p",
        "The town wants to dredge the channel to nine metres by the end of next year, if the county pays its share.",
    ),
]
BAKERY: Blocks = [
    ("h1", "Пекарня на Садовой улице"),
    (
        "p",
        "Пекарня открылась осенью и сразу стала самым шумным местом квартала: очередь занимают с шести утра.",
    ),
    ("h2", "Хлеб"),
    ("p", "Ржаной хлеб пекут дважды в день, а пшеничный — один раз, потому что печь остывает медленно."),
    ("li", "Ржаная мука приходит из соседней области."),
    ("li", "Соль и дрожжи покупают на оптовом рынке."),
    ("h2", "Цены"),
    ("p", "Буханка стоит шестьдесят рублей, и за три года цена не изменилась ни разу."),
]
SIGNS: Blocks = [
    ("h1", "Signs and letters 🚲"),
    (
        "p",
        "The café in Škofja Loka serves crème brûlée 🍮 and naïve visitors ask for “the usual” — which is soup.",
    ),
    ("p", "A family 👨‍👩‍👧 came on a Monday; the bill was €23.50, and they left ½ of the cake."),
    ("h2", "Greek and others"),
    ("p", "Καλημέρα means good morning, dzień dobry means good day, and ł is not an l."),
    ("p", "The sum 2 × 3 ≤ 7 is right, and so is −5 °C in January."),
]
RIVER: Blocks = [
    ("h1", "نهر المدينة"),
    ("p", "يمر النهر في وسط المدينة ويقسمها إلى قسمين كبيرين."),
    ("p", "بنى السكان ثلاثة جسور حجرية في القرن الماضي."),
    ("h2", "السوق"),
    ("p", "يفتح السوق أبوابه صباح كل خميس قرب الجسر القديم."),
]
_YEARS = [
    (
        "the well",
        "A new well was dug behind the school, and its water was found to be harder than that of the old one.",
    ),
    (
        "the bridge",
        "The bridge lost two of its planks in a storm; the carpenter replaced them within a week and asked for nothing.",
    ),
    (
        "the mill",
        "The mill stood still from May to August, since the stream carried less water than in any summer that was recorded.",
    ),
    (
        "the road",
        "The road to the market was paved with stones from the quarry, and carts now need an hour less for the way.",
    ),
    (
        "the school",
        "The school counted forty-one pupils, nine more than before, and the parish paid for a second stove.",
    ),
    (
        "the orchard",
        "The orchard gave so many apples that the press worked day and night, and cider was sold as far as the coast.",
    ),
]
ANNALS: Blocks = [("h1", "Annals of a small parish")]
for _number, (_name, _sentence) in enumerate(_YEARS * 3, start=1):
    ANNALS.append(("h2", f"Entry {_number}: {_name}"))
    ANNALS.append(("p", f"In entry {_number} the clerk wrote down what follows. {_sentence}"))
    ANNALS.append(
        (
            "p",
            f"He added that entry {_number} had been read aloud in front of eleven witnesses, that nobody had objected to a "
            "single word of it, and that the book had then been locked away in the chest below the stairs.",
        )
    )
NARROW: Blocks = [
    ("h1", "Notes on a narrow page"),
    (
        "p",
        "Administration of comparatively extraordinary correspondence requires uninterrupted concentration, and the "
        "responsibilities of the representative notwithstanding, communication was nevertheless straightforward.",
    ),
    (
        "p",
        "Characteristically, the superintendent misunderstood the recommendation and consequently disappointed everybody "
        "in the neighbourhood, the well-known apothecary included.",
    ),
    ("p", "Understandably, the subsequent conversation about transportation was interrupted several times."),
]
TEXTS: dict[str, tuple[str, Blocks]] = {
    "harbour": ("en", HARBOUR),
    "bakery": ("ru", BAKERY),
    "signs": ("en", SIGNS),
    "river": ("ar", RIVER),
    "annals": ("en", ANNALS),
    "narrow": ("en", NARROW),
}


def reference(blocks: Blocks) -> str:
    return "\n\n".join(text.replace("|", " | ") for _, text in blocks) + "\n"


def as_markdown(blocks: Blocks) -> str:
    lines: list[str] = []
    before = ""
    for kind, text in blocks:
        if kind == "row" and before == "row":
            lines.append(f"| {text.replace('|', ' | ')} |")
        elif kind == "row":
            lines += ["", f"| {text.replace('|', ' | ')} |", "|---|---|---|"]
        elif kind == "li":
            lines += [""] * (before != "li") + [f"- {text}"]
        else:
            lines += ["", {"h1": "# ", "h2": "## ", "p": ""}[kind] + text]
        before = kind
    return "\n".join(lines).strip() + "\n"


def as_html(language: str, blocks: Blocks, style: str = "") -> str:
    body: list[str] = []
    before = ""
    for kind, text in [*blocks, ("end", "")]:
        if before != kind and before in ("li", "row"):
            body.append("</ul>" if before == "li" else "</table>")
        if before != kind and kind in ("li", "row"):
            body.append("<ul>" if kind == "li" else "<table>")
        if kind == "row":
            body.append("<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in text.split("|")) + "</tr>")
        elif kind != "end":
            body.append(f"<{kind}>{html.escape(text)}</{kind}>")
        before = kind
    direction = ' dir="rtl"' if language == "ar" else ""
    return (
        f'<!DOCTYPE html>\n<html lang="{language}"{direction}><head><meta charset="utf-8">'
        f"<title>{html.escape(blocks[0][1])}</title><style>body{{max-width:40em}}{style}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def with_navigation(page: str) -> str:
    """Put a page's text where sites put it: between a menu, buttons and a footer."""
    menu = "".join(
        f'<li><a href="/{w.lower()}">{w}</a></li>' for w in ("Home", "News", "Sports", "Weather", "Contact")
    )
    more = "".join(
        f'<li><a href="/a{n}">Another story that has nothing to do with this page, number {n}</a></li>'
        for n in range(6)
    )
    head, _, rest = page.partition("<body>")
    body, _, _ = rest.partition("</body>")
    return (
        f"{head}<body><header><nav><ul>{menu}</ul></nav></header><main><article>{body}</article></main>"
        f"<aside><h3>More stories</h3><ul>{more}</ul></aside>"
        "<footer><p>Copyright by nobody. All rights reserved. Terms of use and privacy.</p></footer></body></html>"
    )


_FODT = """<?xml version="1.0" encoding="UTF-8"?>
<office:document xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
 xmlns:fo="urn:oasis:names:tc:opendocument:xmlns:xsl-fo-compatible:1.0" office:version="1.2"
 office:mimetype="application/vnd.oasis.opendocument.text">
<office:automatic-styles><style:page-layout style:name="L"><style:page-layout-properties fo:page-width="{width}"
 fo:page-height="{height}" fo:margin="1.5cm"/><style:header-style><style:header-footer-properties fo:min-height="0.8cm"
 fo:margin-bottom="0.4cm"/></style:header-style><style:footer-style><style:header-footer-properties fo:min-height="0.8cm"
 fo:margin-top="0.4cm"/></style:footer-style></style:page-layout>
<style:style style:name="P" style:family="paragraph"><style:paragraph-properties fo:margin-bottom="0.25cm"{hyphens}/>
<style:text-properties fo:font-size="11pt" fo:language="en" fo:country="US" fo:hyphenate="{hyphenate}"
 fo:hyphenation-remain-char-count="2" fo:hyphenation-push-char-count="2"/></style:style>
<style:style style:name="H" style:family="paragraph"><style:text-properties fo:font-size="16pt" fo:font-weight="bold"/>
</style:style></office:automatic-styles>
<office:master-styles><style:master-page style:name="Standard" style:page-layout-name="L"><style:header><text:p>{header}</text:p>
</style:header><style:footer><text:p>Page <text:page-number/> of <text:page-count/></text:p></style:footer></style:master-page>
</office:master-styles><office:body><office:text>{body}</office:text></office:body></office:document>
"""


def as_fodt(blocks: Blocks, *, narrow: bool) -> str:
    body = "".join(
        f'<text:h text:style-name="H" text:outline-level="{kind[1]}">{html.escape(text)}</text:h>'
        if kind[0] == "h"
        else f'<text:p text:style-name="P">{html.escape(text)}</text:p>'
        for kind, text in blocks
    )
    return _FODT.format(
        width="9cm" if narrow else "14.8cm",
        height="11cm" if narrow else "21cm",
        header="Parish papers, volume seven",
        hyphens="",
        hyphenate="true" if narrow else "false",
        body=body,
    )


class Maker:
    def __init__(self, work: Path) -> None:
        self.work = work
        self.expected: dict[str, dict[str, object]] = {}

    def run(self, *command: str) -> None:
        subprocess.run(
            command, check=True, cwd=self.work, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def keep(self, file: Path, name: str, text: str, by: str) -> None:
        shutil.copyfile(file, HERE / name)
        known: dict[str, object] = {"reference": text, "made_by": by}
        if name.endswith(".pdf"):
            out = subprocess.run(
                ["pdftotext", "-layout", str(file), "-"], check=True, capture_output=True
            ).stdout.decode()
            known["pages"] = [" ".join(page.split()) for page in out.split("\f")[:-1]]
        self.expected[name] = known

    def soffice(self, file: Path, to: str, *options: str) -> Path:
        self.run(
            "soffice",
            "--headless",
            "--convert-to",
            to,
            *options,
            "--outdir",
            str(self.work / "out"),
            str(file),
        )
        return self.work / "out" / f"{file.stem}.{to.partition(':')[0]}"

    def chromium(self, page: Path, name: str) -> Path:
        target = self.work / name
        self.run(
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer",
            f"--print-to-pdf={target}", str(page),
        )  # fmt: skip
        return target

    def make(self) -> None:
        for name, (language, blocks) in TEXTS.items():
            (HERE / "reference").mkdir(exist_ok=True)
            (HERE / "reference" / f"{name}.txt").write_text(reference(blocks), encoding="utf-8")
            self.texts(name, language, blocks)
        self.pdfs()
        self.mails()
        self.tables()
        self.archives()
        (HERE / "expected.json").write_text(
            json.dumps(self.expected, ensure_ascii=False, indent=1), encoding="utf-8"
        )

    def texts(self, name: str, language: str, blocks: Blocks) -> None:
        page = self.work / f"{name}.html"
        page.write_text(as_html(language, blocks), encoding="utf-8")
        source = self.work / f"{name}.md"
        source.write_text(as_markdown(blocks), encoding="utf-8")
        self.run("pandoc", source.name, "-t", "gfm", "-o", "gfm.md")
        self.keep(self.work / "gfm.md", f"{name}-pandoc.md", name, "pandoc")
        self.run("pandoc", source.name, "-t", "plain", "--wrap=none", "-o", "plain.txt")
        self.keep(self.work / "plain.txt", f"{name}-pandoc.txt", name, "pandoc")
        self.run("pandoc", source.name, "-s", "--metadata", f"pagetitle={blocks[0][1]}", "-o", "pandoc.html")
        self.keep(self.work / "pandoc.html", f"{name}-pandoc.html", name, "pandoc")
        self.run("pandoc", source.name, "-o", "pandoc.docx")
        self.keep(self.work / "pandoc.docx", f"{name}-pandoc.docx", name, "pandoc")
        self.keep(self.soffice(page, "docx:Office Open XML Text", "--infilter=HTML (StarWriter)"),
                  f"{name}-writer.docx", name, "LibreOffice Writer")  # fmt: skip
        self.keep(self.chromium(page, "c.pdf"), f"{name}-chromium.pdf", name, "Chromium")
        self.keep(
            self.soffice(HERE / f"{name}-pandoc.docx", "pdf"),
            f"{name}-writer.pdf",
            name,
            "LibreOffice Writer",
        )
        site = self.work / "site.html"
        site.write_text(with_navigation(as_html(language, blocks)), encoding="utf-8")
        self.keep(site, f"{name}-site.html", name, "by hand")

    def pdfs(self) -> None:
        for name, narrow in (("annals", False), ("narrow", True)):
            file = self.work / f"{name}.fodt"
            file.write_text(as_fodt(TEXTS[name][1], narrow=narrow), encoding="utf-8")
            self.keep(self.soffice(file, "pdf"), f"{name}-header.pdf", name, "LibreOffice Writer")
        style = "@page{size:A5;@top-center{content:'Parish papers'}@bottom-right{content:counter(page)}}"
        page = self.work / "paged.html"
        page.write_text(as_html("en", ANNALS, style), encoding="utf-8")
        self.keep(self.chromium(page, "paged.pdf"), "annals-paged.pdf", "annals", "Chromium")
        soft = [
            (kind, re.sub(r"\b\w{10,}", lambda m: "\u00ad".join(re.findall("..?.?.?", m[0])), text))
            for kind, text in NARROW
        ]
        narrow = self.work / "hyphens.html"
        narrow.write_text(as_html("en", soft, "p{width:5.2cm}"), encoding="utf-8")
        self.keep(self.chromium(narrow, "hyphens.pdf"), "narrow-hyphens.pdf", "narrow", "Chromium")
        columns = self.work / "columns.html"
        columns.write_text(
            as_html("en", ANNALS, "body{columns:2;max-width:none;font-size:10pt}"), encoding="utf-8"
        )
        self.keep(self.chromium(columns, "columns.pdf"), "annals-columns.pdf", "annals", "Chromium")

    def mails(self) -> None:
        for name in ("harbour", "bakery", "signs"):
            language, blocks = TEXTS[name]
            for kind in ("plain", "html", "both", "attached"):
                mail = EmailMessage()
                mail["Subject"] = blocks[0][1]
                mail["From"] = "Ада Клерк <ada@example.org>"
                mail["To"] = "all@example.org"
                mail["Date"] = "Mon, 02 Mar 2026 09:30:00 +0100"
                if kind in ("plain", "both"):
                    mail.set_content(reference(blocks), cte="base64" if name == "signs" else None)
                if kind == "both":
                    mail.add_alternative("<p>Only the plain text counts.</p>", subtype="html")
                if kind == "html":
                    mail.set_content(as_html(language, blocks), subtype="html")
                if kind == "attached":
                    mail.set_content("See the attachment.\n")
                    mail.add_attachment(
                        (HERE / f"{name}-pandoc.docx").read_bytes(),
                        maintype="application",
                        subtype="vnd.openxmlformats-officedocument.wordprocessingml.document",
                        filename=f"{name}.docx",
                    )
                file = self.work / "mail.eml"
                file.write_bytes(mail.as_bytes())
                self.keep(file, f"{name}-{kind}.eml", name, "Python's email")
                self.expected[f"{name}-{kind}.eml"]["member"] = f"{name}.docx" if kind == "attached" else None

    def tables(self) -> None:
        columns = ("Title", "Body", "Date")
        rows = [(TEXTS[n][1][0][1], reference(TEXTS[n][1]), "2026-03-02") for n in ("harbour", "bakery")]
        for name, delimiter, encoding in (
            ("rows.csv", ",", "utf-8-sig"), ("rows.tsv", "\t", "utf-16"), ("rows-semicolon.csv", ";", "utf-8"),
        ):  # fmt: skip
            made = io.StringIO()
            writer = csv.writer(made, delimiter=delimiter)
            writer.writerow(columns)
            writer.writerows(rows)
            file = self.work / name
            file.write_bytes(made.getvalue().encode(encoding))
            self.keep(file, name, "harbour", "Python's csv")
            self.expected[name]["member"] = "row 2"
        prices = self.work / "prices.csv"
        prices.write_text("\n".join(t.replace("|", ",") for k, t in HARBOUR if k == "row"), encoding="utf-8")
        self.keep(self.soffice(prices, "ods"), "unsupported.ods", "", "LibreOffice Calc")
        (HERE / "reference" / "prices.txt").write_text(
            reference([b for b in HARBOUR if b[0] == "row"]), encoding="utf-8"
        )
        self.keep(
            self.soffice(HERE / "unsupported.ods", "csv"), "prices-calc.csv", "prices", "LibreOffice Calc"
        )
        del self.expected["unsupported.ods"]
        objects = [{"id": n, "title": b[0][1], "text": reference(b)} for n, (_, b) in TEXTS.items()]
        (HERE / "objects.json").write_text(json.dumps(objects), encoding="utf-8")
        (HERE / "objects.jsonl").write_text("".join(json.dumps(o) + "\n" for o in objects), encoding="utf-8")
        for name in ("objects.json", "objects.jsonl"):
            self.expected[name] = {
                "reference": "harbour",
                "made_by": "Python's json",
                "document_id": "harbour",
            }
        for name, encoding in (
            ("bakery", "windows-1251"),
            ("bakery", "koi8-r"),
            ("signs", "utf-16"),
            ("harbour", "ascii"),
        ):
            language, blocks = TEXTS[name]
            page = as_html(language, blocks).replace('charset="utf-8"', f'charset="{encoding}"')
            (HERE / f"{name}-{encoding}.html").write_bytes(page.encode(encoding, "xmlcharrefreplace"))
            self.expected[f"{name}-{encoding}.html"] = {"reference": name, "made_by": "by hand"}

    def archives(self) -> None:
        with zipfile.ZipFile(HERE / "all.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(HERE / "harbour-pandoc.docx", "words/harbour.docx")
            archive.write(HERE / "bakery-site.html", "pages/bakery.html")
            archive.write(HERE / "harbour-attached.eml", "mails/harbour.eml")
        with zipfile.ZipFile(HERE / "nested.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.write(HERE / "all.zip", "inner.zip")
        self.expected["all.zip"] = {"reference": "harbour", "made_by": "zip", "member": "words/harbour.docx"}
        self.expected["nested.zip"] = {
            "reference": "bakery",
            "made_by": "zip",
            "member": "inner.zip/pages/bakery.html",
        }


if __name__ == "__main__":
    os.environ["SOURCE_DATE_EPOCH"] = "1772409600"
    with tempfile.TemporaryDirectory() as folder:
        Maker(Path(folder)).make()
