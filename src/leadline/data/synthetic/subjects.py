"""What a picture may be of: people, animals, plants and vehicles.

Each maker takes a generator and returns things of instance 1 that stand on z = 0 at the origin and face +x, in real sizes
(metres); `placed` moves and renumbers them.
"""

from leadline.data.synthetic.animals import make_animal
from leadline.data.synthetic.blobs import bounds_of, placed
from leadline.data.synthetic.people import make_person
from leadline.data.synthetic.plants import make_plant
from leadline.data.synthetic.vehicles import make_boat, make_vehicle

__all__ = ["bounds_of", "make_animal", "make_boat", "make_person", "make_plant", "make_vehicle", "placed"]
