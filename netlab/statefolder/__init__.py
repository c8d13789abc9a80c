"""The folder of a lab's state on disk: who may have it, who holds it, how its files are read and written.

    trusted_paths.py  opening a folder on a path that nobody else can change
    lab_folder.py     taking a folder for a new lab, and giving one up
    lock.py           the lock that tells whether a lab lives
    statefile.py      a file of it, read only if netlab wrote it, and replaced as a whole

lab_folder.py and trusted_paths.py are imported by the launcher of a lab, a bare interpreter: standard library only, no
pathlib.
"""
