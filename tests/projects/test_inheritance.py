"""Multi-table inheritance: columns, filters, order and ticks across the tables."""

import pytest

pytestmark = pytest.mark.integration

PLACES = ["Da Ugo,Ahlen,5", "Zoo,Bonn,", "Museum,Bonn,", "R5,Bonn,2", "R7,Bonn,4",
          "Park,Köln,", "R4,Köln,1", "R6,Köln,3"]  # fmt: skip
RESTAURANTS = ["8,Da Ugo,Ahlen,5", "5,R5,Bonn,2", "7,R7,Bonn,4", "4,R4,Köln,1", "6,R6,Köln,3"]
IN_BONN = RESTAURANTS[1:3]
PIZZERIAS = ["id,name,city,place_ptr,stars,restaurant_ptr,oven", "8,Da Ugo,Ahlen,8,5,8,'=wood"]


def test_parents_and_children(start):
    site = start("inheritance")
    alice = site.person("alice")

    columns = ["name", "city", "stars"]
    assert sorted(alice.by_admin("inheritance/place", columns=columns)[1:]) == sorted(PLACES)
    found = alice.by_admin("inheritance/place", "?restaurant__stars=3", columns=columns)
    assert found[1:] == ["R6,Köln,3"]
    assert alice.by_page("guide.places", columns=columns)[1:] == PLACES  # in the background
    assert alice.by_json("guide.places")[1:] == PLACES

    columns = ["pk", "name", "city", "stars"]
    # The admin's lists settle ties by the key too, but downwards.
    listed = [RESTAURANTS[n] for n in (0, 2, 1, 4, 3)]
    assert alice.by_admin("inheritance/restaurant", columns=columns)[1:] == listed
    found = alice.by_admin("inheritance/restaurant", "?city=Bonn&o=-3", columns=columns)
    assert found[1:] == IN_BONN[::-1]
    assert alice.by_admin("inheritance/restaurant", "?q=ugo", columns=["name"])[1:] == ["Da Ugo"]
    ticked = {"_selected_action": ["4", "5"], "_across": ""}
    found = alice.by_admin("inheritance/restaurant", columns=columns, **ticked)
    assert found[1:] == [RESTAURANTS[1], RESTAURANTS[3]]
    found = alice.by_admin("inheritance/restaurant", columns=columns, **{"parameter-city": "Bonn"})
    assert found[1:] == IN_BONN[::-1]
    found = alice.by_page("guide.restaurants", columns=columns, **{"parameter-city": "Bonn"})
    assert found[1:] == IN_BONN
    assert alice.by_json("guide.restaurants")[1:] == RESTAURANTS
    assert alice.by_json("guide.restaurants", parameters={"city": "Bonn"})[1:] == IN_BONN

    columns = PIZZERIAS[0].split(",")
    assert alice.by_admin("inheritance/pizzeria", columns=columns) == PIZZERIAS
    assert alice.by_page("guide.pizzerias", columns=columns) == PIZZERIAS
    assert alice.by_json("guide.pizzerias") == PIZZERIAS
