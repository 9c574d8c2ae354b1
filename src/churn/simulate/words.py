"""Made-up names: of people, bands, songs, towns and browsers. Word lists of our own, put together at random."""

from __future__ import annotations

from typing import Final

FEMALE: Final = (
    "Ada Alba Alice Alma Amelie Anika Anna Ariane Astrid Aurora Beatrix Bella Berta Bianca Brigid Camille Carla Carmen "
    "Cecilia Chiara Clara Coralie Daria Delia Diana Dora Edith Elena Elisa Ella Emma Erika Esther Eva Fatima Fiona "
    "Flora Frida Gemma Gloria Greta Hanna Hazel Helena Hilda Ida Ines Irene Iris Isabel Jana Jasmin Joana Judith Julia "
    "Karin Katja Lara Laura Lea Lena Leonie Lidia Lily Linnea Lola Lucia Luna Lydia Maja Mara Maria Marlene Martha "
    "Matilda Mila Mina Miriam Monika Nadia Nelly Nina Nora Olga Olivia Paula Petra Pia Rita Rosa Ruth Sara Selma Silvia "
    "Sofia Stella Tamara Tessa Thea Vera Viola Wanda Yara Zoe"
).split()
MALE: Final = (
    "Aaron Adam Adrian Alan Albert Alex Anton Arno Arthur August Axel Basil Ben Boris Bruno Carl Caspar Cedric Conrad "
    "Damian Daniel David Dennis Edgar Elias Emil Enzo Eric Ernst Ethan Felix Finn Frank Fred Gabriel George Gustav "
    "Hannes Harald Henry Hugo Ian Igor Isaac Ivan Jack Jakob Jan Jasper Joel John Jonas Joris Josef Julian Justus Karl "
    "Kilian Konrad Lars Leo Leon Levi Linus Louis Luca Lukas Magnus Manuel Marc Marius Martin Max Milan Moritz Nathan "
    "Nico Niels Noah Oliver Omar Oscar Otto Pablo Paul Peter Philip Quentin Ralf Rasmus Remy Robert Roman Ruben Samuel "
    "Simon Stefan Theo Thomas Tim Tobias Tom Valentin Victor Vincent Walter Willem Yannick Zeno"
).split()
LAST: Final = (
    "Abbott Adler Alder Archer Ashby Bader Bailey Baker Barlow Bauer Becker Bell Benton Berger Bishop Blake Boone Bowen "
    "Brandt Brook Burke Byrne Calder Carver Castle Chase Clarke Cole Cooper Crane Cross Dale Dalton Dawson Decker Doyle "
    "Drake Dunn Eaton Ellis Engel Farrow Fields Finch Fischer Fletcher Flynn Foley Forster Fox Frost Garner Gibbs Glover "
    "Grant Graves Gray Greene Haas Hale Hall Harper Hart Hayes Heath Holt Howell Hunter Jansen Keller Kent Klein Knight "
    "Koch Lane Lang Larkin Lawson Lenz Lindt Lowe Maier Marsh Mason Mercer Miller Monroe Moore Moss Nash Neumann Noble "
    "North Novak Oakes Olsen Page Palmer Parker Pearce Pike Porter Quill Ramsey Reed Reyes Rhodes Richter Rivers Roth "
    "Rowe Sander Sawyer Seidel Sharp Shaw Silva Slater Snow Sommer Stein Stone Storm Sutter Tanner Thorne Tucker Turner "
    "Vance Vogel Wade Wagner Walsh Ward Weber Wells West Wilder Winter Wolf Wood Wright York Young Zeller Ziegler"
).split()
SYLLABLES: Final = (
    "ba be bri ca che da do e fa fi ga gre ha hi i jo ka ki la le li lo ma me mi mo na ne ni no o pa pe ra re ri ro sa "
    "se shi ta te ti to tri u va ve vi wa we ya yo za ze"
).split()
NAME_ENDS: Final = ("n", "na", "r", "ra", "l", "la", "s", "sa", "th", "rd", "nd", "ne", "ck", "vin", "lyn", "mar")

ADJECTIVES: Final = (
    "Amber Ancient Arctic Autumn Bitter Black Blind Blue Brave Broken Burning Calm Cold Copper Crimson Crooked Crystal "
    "Dark Deep Distant Dusty Early Electric Empty Endless Faded Fallen Feral Final First Flying Foreign Frozen Gentle "
    "Ghostly Giant Golden Grand Green Hidden Hollow Holy Hungry Idle Inner Iron Ivory Jagged Kind Last Late Lazy Little "
    "Lonely Long Lost Loud Lucky Lunar Mad Magnetic Marble Mellow Midnight Misty Modern Naked Narrow Neon New Northern "
    "Old Open Orange Outer Pale Paper Patient Plastic Polar Proud Purple Quick Quiet Rapid Rare Red Restless Royal Rusty "
    "Sacred Salty Scarlet Second Secret Shy Silent Silver Simple Sleepy Slow Small Soft Solar Southern Stolen Strange "
    "Sudden Sunken Sweet Tall Tame Tender Third Tidal Tiny Twin Velvet Violet Wandering Warm Western White Wide Wild "
    "Winter Wooden Young"
).split()
NOUNS: Final = (
    "Anchor Animal Apple Arrow Autumn Bear Bell Bird Boat Bridge Canyon Castle Chapel Circus City Cloud Coast Comet "
    "Corner Crow Dancer Daughter Desert Devil Diamond Dog Door Dragon Dream Driver Eagle Echo Ember Engine Falcon Farmer "
    "Feather Field Fire Fisher Flag Flame Flood Flower Forest Fountain Fox Garden Ghost Glass Guitar Hammer Harbour Hat "
    "Hawk Heart Hill Horizon Horse Hotel House Hunter Island Jungle Kettle Key King Kite Ladder Lake Lamp Lantern Letter "
    "Lighthouse Lion Machine Magnet Map Market Meadow Mirror Monkey Moon Mountain Museum Needle Night Ocean Orchard Owl "
    "Palace Parade Parrot Pilot Pirate Planet Pocket Poet Queen Radio Rain River Road Robot Rocket Room Rose Sailor "
    "Satellite Season Shadow Ship Shoe Sister Sky Smoke Snake Soldier Sparrow Spider Spring Stable Star Station Stone "
    "Storm Stranger Street Summer Sun Swan Table Teacher Temple Theatre Thief Tiger Tower Traffic Train Tree Tunnel "
    "Valley Village Violin Voice Wagon Wall Wave Weather Whale Wheel Widow Wind Window Wing Wolf Woman"
).split()
SONG_ENDS: Final = (
    "", "", "", "", "", "", " (Live)", " (Album Version)", " (Acoustic)", " (Remix)", " Pt. 2", " (Demo)", " (Edit)",
)  # fmt: skip
BROKEN: Final = tuple(word.encode().decode("latin-1") for word in ("Björn", "Café", "Möve", "Fête", "Señor", "Élan"))
"""Words whose UTF-8 was taken for Latin-1 and encoded once more, as the real log has them."""

METROS: Final = {
    # The largest metropolitan areas: name as the log writes it, share of users in percent.
    "New York-Newark-Jersey City, NY-NJ-PA": 6.8, "Los Angeles-Long Beach-Anaheim, CA": 4.8,
    "Chicago-Naperville-Elgin, IL-IN-WI": 2.8, "Philadelphia-Camden-Wilmington, PA-NJ-DE-MD": 2.4,
    "Dallas-Fort Worth-Arlington, TX": 2.3, "Houston-The Woodlands-Sugar Land, TX": 2.1,
    "Washington-Arlington-Alexandria, DC-VA-MD-WV": 1.9, "Miami-Fort Lauderdale-West Palm Beach, FL": 1.9,
    "Atlanta-Sandy Springs-Roswell, GA": 1.8, "Boston-Cambridge-Newton, MA-NH": 1.7,
    "San Francisco-Oakland-Hayward, CA": 1.6, "Phoenix-Mesa-Scottsdale, AZ": 1.5,
    "Riverside-San Bernardino-Ontario, CA": 1.5, "Detroit-Warren-Dearborn, MI": 1.4,
    "Seattle-Tacoma-Bellevue, WA": 1.2, "Minneapolis-St. Paul-Bloomington, MN-WI": 1.1,
    "San Diego-Carlsbad, CA": 1.1, "Tampa-St. Petersburg-Clearwater, FL": 1.0, "St. Louis, MO-IL": 0.9,
    "Baltimore-Columbia-Towson, MD": 0.9, "Denver-Aurora-Lakewood, CO": 0.9, "Pittsburgh, PA": 0.8,
    "Charlotte-Concord-Gastonia, NC-SC": 0.8, "Portland-Vancouver-Hillsboro, OR-WA": 0.8,
    "San Antonio-New Braunfels, TX": 0.7, "Orlando-Kissimmee-Sanford, FL": 0.7, "Sacramento-Roseville, CA": 0.7,
    "Cincinnati, OH-KY-IN": 0.7, "Cleveland-Elyria, OH": 0.7, "Kansas City, MO-KS": 0.6,
    "Las Vegas-Henderson-Paradise, NV": 0.6, "Columbus, OH": 0.6, "Indianapolis-Carmel-Anderson, IN": 0.6,
    "San Jose-Sunnyvale-Santa Clara, CA": 0.6, "Austin-Round Rock, TX": 0.6,
}  # fmt: skip
STATES: Final = (
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA "
    "RI SC SD TN TX UT VT VA WA WV WI WY"
).split()
TOWN_STARTS: Final = (
    "Ash Bay Beaver Bell Birch Black Blue Bridge Brook Cedar Clear Cold Deer Eagle East Elk Elm Fair Fall Fern Fox Glen "
    "Gold Grand Green Hazel High Iron Lake Long Maple Mill North Oak Pine Red Ridge River Rock Rose Salt Sand Silver "
    "South Spring Stone Summer Sun West White Wild Willow Wind"
).split()
TOWN_ENDS: Final = (
    "bank borough bridge brook burg bury court creek dale fall field ford gate grove haven hill hurst land ley mont "
    "mouth point port ridge shore side stead ton vale view ville water well wick wood worth"
).split()

DEVICES: Final = {
    # Share of users in percent; systems of the device, most common first.
    "Windows": (47.0, ("Windows NT 6.1; WOW64", "Windows NT 6.3; WOW64", "Windows NT 6.1", "Windows NT 6.2; WOW64",
                       "Windows NT 5.1")),
    "Macintosh": (40.1, ("Macintosh; Intel Mac OS X 10_9_4", "Macintosh; Intel Mac OS X 10_9_3",
                         "Macintosh; Intel Mac OS X 10_10", "Macintosh; Intel Mac OS X 10_8_5",
                         "Macintosh; Intel Mac OS X 10_7_5")),
    "X11": (6.4, ("X11; Linux x86_64", "X11; Ubuntu; Linux x86_64", "X11; Linux i686")),
    "iPhone": (3.5, ("iPhone; CPU iPhone OS 7_1_2 like Mac OS X", "iPhone; CPU iPhone OS 7_1 like Mac OS X")),
    "compatible": (1.6, ("compatible; MSIE 9.0; Windows NT 6.1", "compatible; MSIE 10.0; Windows NT 6.2")),
    "iPad": (1.4, ("iPad; CPU OS 7_1_2 like Mac OS X", "iPad; CPU OS 7_1_1 like Mac OS X")),
}  # fmt: skip
CHROME: Final = ("36.0.1985.143", "36.0.1985.125", "37.0.2062.94", "37.0.2062.103")
FIREFOX: Final = ("31.0", "32.0")
