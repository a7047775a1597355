# SPDX-License-Identifier: Apache-2.0
"""The page of a report in a browser without a screen: figures, hover, filters, files, widths.

Needs Debian's chromium, chromium-driver and python3-selenium. With AXESIM_SCREENSHOTS=DIR it keeps
pictures of what it saw.
"""

import csv
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree

from axesim_cli import main, program
from sweep_test import GRID, base_config

try:
    from selenium import webdriver
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select, WebDriverWait
except ImportError:
    webdriver = None

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
FLAGS += ("--disable-background-networking", "--disable-component-update", "--disable-sync")
SECONDS = 120  # for a page, on a machine with other things to do


def make_results(folder):
    """A sweep, a run without values, and more designs than layers are shown of."""
    base = folder / "base.yaml"
    base.write_text(base_config(folder))
    (folder / "sweep.yaml").write_text(GRID)
    run = functools.partial(subprocess.run, check=True, stdout=subprocess.DEVNULL)
    sweep = ["sweep", "--config", folder / "sweep.yaml", "--out", folder / "sweep"]
    run([program(), *sweep, "--quiet"])
    timing = ["--set", "workload.timing_only=true"]
    run([program(), "--config", base, "--out", folder / "run", "--quiet", *timing])
    many = [shutil.copytree(folder / "run", folder / "many" / str(i)) for i in range(65)]
    run([program(), "report", *many, "--out", folder / "many" / "report.html"])


def dominates(one, other):
    """Of (perplexity, energy, area, -speed): less is better."""
    return all(a <= b for a, b in zip(one, other)) and one != other


@unittest.skipUnless(webdriver and CHROMIUM and DRIVER, "no chromium, chromium-driver or selenium")
class ReportPage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        holder = tempfile.TemporaryDirectory(prefix="axesim-page-")
        cls.addClassCleanup(holder.cleanup)
        cls.folder = pathlib.Path(holder.name)
        make_results(cls.folder)
        options = webdriver.ChromeOptions()
        options.binary_location = CHROMIUM
        for flag in (*FLAGS, f"--user-data-dir={cls.folder / 'browser'}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.chrome.service.Service(DRIVER)
        cls.browser = webdriver.Chrome(service=service, options=options)
        cls.addClassCleanup(cls.browser.quit)

    def open(self, name, width=1280, scheme="light"):
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        self.resize(width)
        self.browser.get((self.folder / name / "report.html").as_uri())
        ready = "return document.body.dataset.ready === 'true'"
        WebDriverWait(self.browser, SECONDS).until(lambda browser: browser.execute_script(ready))
        self.picture(f"{name}_{width}_{scheme}")

    def resize(self, width, height=900):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def picture(self, name):
        if not os.environ.get("AXESIM_SCREENSHOTS"):
            return
        width, height = self.script("innerWidth"), self.script("document.body.scrollHeight")
        self.resize(width, height)
        self.browser.save_screenshot(os.path.join(os.environ["AXESIM_SCREENSHOTS"], name + ".png"))
        self.resize(width)

    def script(self, expression):
        return self.browser.execute_script(f"return {expression}")

    def all(self, selector):
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def titles(self):
        return [node.get_attribute("aria-label") for node in self.all("figure > svg")]

    def rows(self):
        return list(csv.DictReader((self.folder / "sweep" / "sweep.csv").read_text().splitlines()))

    def check_quiet(self):
        self.assertEqual(self.browser.get_log("browser"), [])
        self.assertEqual(self.script("performance.getEntriesByType('resource').length"), 0)

    def table(self):
        """The table of designs, by its headings."""
        head = [cell.text.rstrip(" ↑↓") for cell in self.all("#table th")]
        lines = [line.find_elements(By.TAG_NAME, "td") for line in self.all("#table tbody tr")]
        return [dict(zip(head, (cell.text for cell in line), strict=True)) for line in lines]

    def test_figures_are_there(self):
        figures = ["Energy of the whole decode", "Area", "Roofline"]
        figures += ["Cycles and what the array waits for, decode"]
        figures += ["Bits on the bus by layout, decode", "Bits on the bus by stream, decode"]
        for name, more in (("sweep", ["Layers: signal to error, dB"]), ("run", [])):
            self.open(name)
            titles = self.titles()
            for figure in figures + more:
                self.assertIn(figure, titles)
            for figure in self.all("figure > svg"):
                self.assertGreater(len(figure.find_elements(By.CSS_SELECTOR, ".mark")), 0)
                self.assertGreater(figure.size["height"], 30)
            self.check_quiet()
        self.assertIn("Accuracy was not measured", self.one("#summary").text)

    def test_widths_and_colours(self):
        for name in ("sweep", "run"):
            for width in (1280, 400):
                for scheme in ("light", "dark"):
                    self.open(name, width, scheme)
                    self.assertLessEqual(self.script("document.documentElement.scrollWidth"), width)
                    for figure in self.all("figure > svg"):
                        right = figure.rect["x"] + figure.rect["width"]
                        self.assertLessEqual(right, width)
                    background = self.script("getComputedStyle(document.body).backgroundColor")
                    shade = sum(map(int, background.strip("rgb()").split(",")))
                    self.assertEqual(shade > 3 * 128, scheme == "light")
        self.check_quiet()
        self.resize(1000)  # figures follow
        wait = WebDriverWait(self.browser, SECONDS)
        wait.until(lambda _: self.one("figure > svg").size["width"] > 400)

    def test_front(self):
        self.open("sweep")
        names = ("perplexity_quantized", "decode_energy_joules_per_token", "area_mm2")
        costs = {
            row["point"]: (*(float(row[name]) for name in names),
                           -float(row["decode_tokens_per_second"]))
            for row in self.rows()
        }
        front = {point for point, cost in costs.items()
                 if not any(dominates(other, cost) for other in costs.values())}
        self.assertTrue(0 < len(front) < len(costs), front)
        found = {row["design"] for row in self.table() if row["Pareto front"]}
        self.assertEqual(found, front)

    def test_hover(self):
        self.open("sweep")
        self.assertFalse(self.one("#tip").is_displayed())
        for i, row in enumerate(self.rows()):
            mark = self.all("#scatter circle")[i]
            # With the keyboard: points may lie upon each other.
            self.browser.execute_script("arguments[0].focus()", mark)
            tip = self.one("#tip").text
            self.assertEqual(tip.splitlines()[0], row["point"])
            self.assertIn(f"perplexity: {float(row['perplexity_quantized']):,.0f}\n", tip)
            result = self.folder / "sweep" / "points" / row["point"] / "result.json"
            area = json.loads(result.read_text())["area"]
            shown = re.search(r"area, mm²: (\S+) \((\S+) \.\. (\S+)\)", tip).groups()
            for text, figure in zip(shown, (area["total_mm2"], *area["range"].values())):
                self.assertAlmostEqual(float(text), figure, delta=0.006 * figure)
        self.browser.execute_script("document.activeElement.blur()")
        self.assertFalse(self.one("#tip").is_displayed())
        bar = self.one("#parts .mark")
        self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", bar)
        ActionChains(self.browser).move_to_element(bar).perform()
        self.assertTrue(self.one("#tip").is_displayed())
        self.assertIn("DRAM:", self.one("#tip").text)

    def test_filter_and_sort(self):
        self.open("sweep")
        self.assertEqual(len(self.all("#scatter circle")), 6)
        bits = self.one("fieldset[data-key='accumulator.inner_bits'] input")
        bits.click()
        self.assertEqual(len(self.all("#scatter circle")), 3)
        self.assertEqual({row["accumulator.inner_bits"] for row in self.table()}, {"16"})
        bits.click()
        rows = sorted(self.rows(), key=lambda row: float(row["area_mm2"]))
        for _ in range(2):  # rising, then falling
            heading = next(cell for cell in self.all("#table th") if cell.text.startswith("area"))
            self.browser.execute_script("arguments[0].click()", heading)
            areas = [float(row["area, mm²"]) for row in self.table()]
            for shown, row in zip(areas, rows, strict=True):
                self.assertAlmostEqual(shown, float(row["area_mm2"]), delta=0.006 * shown)
            rows.reverse()
        limit = self.all("#filters input[type=number]")[2]  # area
        self.browser.execute_script(
            "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('change'))",
            *(limit, rows[2]["area_mm2"]),
        )
        most = float(rows[2]["area_mm2"])
        within = {row["point"] for row in rows if float(row["area_mm2"]) <= most}
        self.assertEqual({row["design"] for row in self.table()}, within)
        self.assertTrue(0 < len(within) < len(rows))

    def test_comparison(self):
        self.open("sweep")
        first, last = self.rows()[0], self.rows()[-1]
        Select(self.one("#compare-from")).select_by_visible_text(first["point"])
        Select(self.one("#compare-to")).select_by_visible_text(last["point"])
        self.assertIn(last["point"], self.one("#design h2").text)
        shown = [line.text for line in self.all("#comparison tr")]
        for label, column in (("area, mm²", "area_mm2"),
                              ("energy of a decoded token", "decode_energy_joules_per_token")):
            line = next(text for text in shown if text.startswith(label))
            change = 100 * (float(last[column]) / float(first[column]) - 1)
            self.assertTrue(line.endswith(f"{change:+.1f} %"), line)
        self.assertTrue(any(line.startswith("accumulator.inner_bits 14 16") for line in shown))
        config = self.folder / "sweep" / "points" / last["point"] / "config.yaml"
        self.assertEqual(self.one("#config pre").get_attribute("textContent"), config.read_text())

    def test_files_for_papers(self):
        self.open("sweep", scheme="dark")
        text = self.script("svgText(document.querySelector('#scatter svg'))")
        tree = xml.etree.ElementTree.fromstring(text)
        self.assertEqual(len(tree.findall(".//{*}circle")), 6)
        self.assertIn("rgb(27, 31, 36)", text)  # the text of the light style
        head = self.browser.execute_async_script(
            "const done = arguments[0]; pngOf(document.querySelector('#scatter svg'))"
            ".then((blob) => blob.arrayBuffer())"
            ".then((bytes) => done([...new Uint8Array(bytes.slice(0, 8))]))")
        self.assertEqual(bytes(head), b"\x89PNG\r\n\x1a\n")
        text = self.script("csvText([{a: 1, b: 'x,y'}, {a: null, b: 'q\"'}])")
        table = list(csv.reader(text.splitlines()))
        self.assertEqual(table, [["a", "b"], ["1", "x,y"], ["", 'q"']])
        self.check_quiet()

    def test_many_designs(self):
        self.open("many")
        self.assertEqual(len(self.table()), 65)
        bars = self.all("#parts figure:first-of-type text.muted")
        self.assertEqual(len(bars), 24)
        self.assertIn("The first 24 of 65", self.one("#parts").text)
        self.assertIn("Layers are left out", self.one("#design").text)
        self.assertNotIn("Layers", " ".join(self.titles()))
        self.check_quiet()

    def test_sources(self):
        self.open("run")
        result = json.loads((self.folder / "run" / "result.json").read_text())
        text = self.one("#sources").get_attribute("textContent")
        for cost in result["costs"]["unit_costs"]:
            self.assertIn(cost["source"], text)
        self.assertIn("J a token over all sequences", text)


if __name__ == "__main__":
    main()
