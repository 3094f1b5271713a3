"""SizeBot's numbers against published tables; each table says where its rows come from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.bots.sizebot import adults, bras, children, extras, shoes


# The formulas of Wikipedia "Shoe size" / ISO 19407, worked by hand.
@pytest.mark.parametrize(
    ("foot", "who", "labels"),
    [
        (22.0, "women", ("35", "3", "5.5", "220")),
        (24.0, "women", ("38", "5.5", "8", "240")),
        (25.0, "women", ("39.5", "6.5", "9", "250")),
        (26.0, "men", ("41", "7.5", "8.5", "260")),
        (26.5, "men", ("42", "8.5", "9.5", "265")),
        (28.0, "men", ("44", "10", "11", "280")),
        (30.0, "men", ("47", "12.5", "13.5", "300")),
        (15.0, "kids", ("24.5", "7.5", "8", "150")),
        (18.0, "kids", ("29", "11.5", "11.5", "180")),
    ],
)
def test_shoe_sizes_of_a_foot(foot: float, who: str, labels: tuple[str, ...]) -> None:
    got = tuple(shoes.nearest(system, who, foot) for system in ("EU", "UK", "US", "Mondopoint"))
    assert got == labels


# Brannock: men's size 1 is 7 2/3 inches, and a size more is 1/3 inch more.
@pytest.mark.parametrize(("size", "inches"), [(1, 7 + 2 / 3), (4, 8 + 2 / 3), (10, 10 + 2 / 3)])
def test_brannock(size: float, inches: float) -> None:
    assert shoes.scale("US", "men").foot(size) == pytest.approx(inches * 2.54)


@given(
    st.floats(20, 34),
    st.sampled_from(["EU", "UK", "US", "JP", "Mondopoint"]),
    st.sampled_from(["men", "women"]),
)
def test_label_and_foot_agree(foot: float, system: str, who: str) -> None:
    scale = shoes.scale(system, who)
    back = scale.foot(float(shoes.nearest(system, who, foot)))
    assert abs(back - foot) <= scale.step / scale.per_cm / 2 + 1e-9


@pytest.mark.parametrize("foot", [20.5, 24, 26.5, 31])
def test_uk_and_us_differ_by_constants(foot: float) -> None:
    uk = shoes.scale("UK", "men").exact(foot)
    assert shoes.scale("US", "men").exact(foot) == pytest.approx(uk + 1)
    assert shoes.scale("US", "women").exact(foot) == pytest.approx(uk + 2.5)
    assert shoes.scale("UK", "kids").exact(foot) == pytest.approx(uk + 13)


@pytest.mark.parametrize(
    ("system", "who", "size"), [("EU", "men", 99), ("UK", "men", -4), ("US", "kids", 60)]
)
def test_no_such_shoe(system: str, who: str, size: float) -> None:
    assert shoes.foot_of(system, who, size) is None


# EN 13402-3 letter codes (Wikipedia): men's chest and women's bust in cm.
@pytest.mark.parametrize(
    ("who", "girth", "codes"),
    [
        ("women", 78, ["XS"]),
        ("women", 86, ["S"]),
        ("women", 90, ["S", "M"]),
        ("women", 94, ["M"]),
        ("women", 103, ["L"]),
        ("women", 113, ["XL"]),
        ("women", 125, ["XXL"]),
        ("women", 137, ["3XL"]),
        ("men", 82, ["XS"]),
        ("men", 90, ["S"]),
        ("men", 98, ["M"]),
        ("men", 102, ["M", "L"]),
        ("men", 106, ["L"]),
        ("men", 114, ["XL"]),
        ("men", 124, ["XXL"]),
        ("men", 135, ["3XL"]),
        ("women", 200, []),
        ("men", 20, []),
    ],
)
def test_letter_codes(who: str, girth: float, codes: list[str]) -> None:
    assert adults.letters(who, girth) == codes


# lazytools.io "Clothing size guide": US, UK, DE, FR, IT and JP in one row.
@pytest.mark.parametrize("us", range(2, 22, 2))
def test_womens_numbers_of_one_row(us: int) -> None:
    index = adults.index_of("women", "US", us)
    assert index is not None
    row = dict(adults.numbers("women", index))
    assert row["EU (DE)"] == f"{us + 30}"
    assert row["UK"] == f"{us + 4}"
    assert row["FR / ES"] == f"{us + 32}"
    assert row["IT"] == f"{us + 36}"
    assert row["JP"] == f"{us + 5}"


# BS 3666:1982: UK 8 is a bust of 78-82, 10: 82-86, 12: 86-90, 14: 90-94, 16: 95-99.
@pytest.mark.parametrize(("uk", "bust"), [(8, 80), (10, 84), (12, 88), (14, 92), (16, 96)])
def test_bs_3666(uk: int, bust: int) -> None:
    index = adults.index_of("women", "UK", uk)
    assert index is not None
    assert adults.WOMEN["bust"][index] == bust


@pytest.mark.parametrize(("eu", "uk", "chest"), [(46, 36, 92), (48, 38, 96), (50, 40, 100), (54, 44, 108)])
def test_mens_numbers(eu: int, uk: int, chest: int) -> None:
    assert (
        adults.index_of("men", "EU", eu)
        == adults.index_of("men", "UK", uk)
        == adults.MEN["chest"].index(chest)
    )
    assert dict(adults.numbers("men", adults.MEN["chest"].index(chest))) == {
        "EU (DE, FR, IT)": f"{eu}",
        "UK / US": f"{uk}",
    }


def test_girth_tables_ascend_and_match() -> None:
    for table in (adults.WOMEN, adults.MEN):
        assert len({len(values) for values in table.values()}) == 1
        for values in table.values():
            assert list(values) == sorted(set(values))


@pytest.mark.parametrize(
    ("neck", "cm", "inches", "letter"),
    [
        (37, "37", "14.5", "S"),
        (39, "39", "15.5", "M"),
        (41, "41", "16", "L"),
        (43, "43", "17", "XL"),
    ],
)
def test_collars(neck: float, cm: str, inches: str, letter: str) -> None:
    assert adults.collar(neck) == (cm, inches, letter)


# EN 13402: the first three are the examples of mobilefish.com "EN 13402 pictogram generator help".
@pytest.mark.parametrize(
    ("under", "bust", "label"),
    [
        (87, 107, "85D"),
        (89, 108, "90D"),
        (82, 100, "80C"),
        (75, 88, "75A"),
        (70, 81, "70AA"),
        (73, 90, "75C"),
    ],
)
def test_bras_measured(under: float, bust: float, label: str) -> None:
    bra = bras.measured(under, bust)
    assert bra is not None
    assert dict(bras.rows(bra))["EU"] == label


# liquisearch.com "International fitting standards", column 73-77 cm.
def test_bra_bands() -> None:
    rows = dict(bras.rows(bras.Bra(75, 4)))
    assert rows == {
        "EU": "75D",
        "UK": "34D",
        "US": "34D",
        "FR / BE / ES": "90D",
        "IT": "3D",
        "AU / NZ": "10D",
    }


@pytest.mark.parametrize(
    ("system", "band", "cup", "eu"),
    [
        ("UK", 34, "dd", "75E"),
        (None, 36, "b", "80B"),
        (None, 75, "b", "75B"),
        ("FR", 90, "c", "75C"),
        ("US", 32, "ddd", "70F"),
    ],
)
def test_bra_labels(system: str | None, band: float, cup: str, eu: str) -> None:
    bra = bras.labelled(system, band, cup)
    assert bra is not None
    assert dict(bras.rows(bra))["EU"] == eu


@pytest.mark.parametrize(("under", "bust"), [(75, 80), (200, 230), (75, 140)])
def test_no_such_bra(under: float, bust: float) -> None:
    assert bras.measured(under, bust) is None


# EN 420: hand circumference in mm of the sizes.
@pytest.mark.parametrize(
    ("mm", "size"), [(152, "6"), (178, "7"), (203, "8"), (229, "9"), (254, "10"), (279, "11")]
)
def test_gloves(mm: float, size: str) -> None:
    rows = extras.glove(mm / 10)
    assert rows is not None
    assert rows[0][1] == size


# 56 cm = US 7, 58 cm = 7 1/4, 60 cm = 7 1/2 (globalcalcs.com "Hat size converter"); UK is an eighth less.
@pytest.mark.parametrize(
    ("cm", "us", "uk", "letter"),
    [
        (56, "7", "6 7/8", "S"),
        (58, "7 1/4", "7 1/8", "M"),
        (60, "7 1/2", "7 3/8", "L"),
    ],
)
def test_hats(cm: float, us: str, uk: str, letter: str) -> None:
    assert extras.hat(cm) == [("EU (cm)", f"{cm}"), ("US", us), ("UK", uk), ("Letter", letter)]


# US 7 is 54.4 mm and UK N 1/2 (ringsizely.com "How we calculate"); UK M is 52.5 mm (ringchart.co.uk).
@pytest.mark.parametrize(
    ("mm", "column", "size"),
    [
        (54.4, "US / CA", "7"),
        (54.4, "UK / IE / AU", "N 1/2"),
        (52.5, "UK / IE / AU", "M"),
        (37.8, "UK / IE / AU", "A"),
        (50, "CH / IT / ES / NL", "10"),
        (54.4, "JP", "14"),
        (41, "JP", "1"),
        (71, "UK / IE / AU", "Z+2"),
    ],
)
def test_rings(mm: float, column: str, size: str) -> None:
    assert dict(extras.ring(mm))[column] == size


@pytest.mark.parametrize(
    ("system", "size", "letter", "mm"),
    [
        ("US", 7, "", 54.4),
        ("UK", None, "M", 52.5),
        (None, 54, "", 54),
        ("IT", 10, "", 50),
        ("JP", 1, "", 40.8),
    ],
)
def test_ring_labels(system: str | None, size: float | None, letter: str, mm: float) -> None:
    assert extras.finger_of(system, size, letter) == pytest.approx(mm, abs=0.1)


@pytest.mark.parametrize(
    ("eu", "group"), [(39, "39-42"), (42, "39-42"), (43, "43-46"), (20, "19-22"), (60, None)]
)
def test_socks(eu: float, group: str | None) -> None:
    assert extras.socks(eu) == group


# petitekingdom.com "Size chart for children": age and height.
@pytest.mark.parametrize(
    ("height", "uk"), [(56, "0-1 month"), (74, "6-9 months"), (92, "18-24 months"), (104, "3-4 years")]
)
def test_children(height: int, uk: str) -> None:
    size = children.by_height(height)
    assert size is not None
    assert (size.height, size.uk) == (height, uk)


def test_children_grow_in_steps_of_six() -> None:
    heights = [size.height for size in children.SIZES]
    assert heights == list(range(50, 171, 6))
    assert children.by_height(200) is None
    assert children.by_height(20) is None
    assert children.by_age(600) is None


@given(st.floats(44, 170))
def test_children_are_never_sold_too_short(height: float) -> None:
    size = children.by_height(height)
    assert size is not None
    assert size.height + 1 > height
