"""Makes that are searched for in a title if the store names no vendor. Such a guess is always shown as one."""

from __future__ import annotations

MAKES = tuple(
    " ".join(name.split())
    for name in """
    Aguilar, Akai, AKG, Allen & Heath, Alvarez, Ampeg, Ampeg Dan Armstrong, Apogee, Arturia, Ashdown,
    Audio-Technica, Avid, B.C. Rich, Bad Cat, Behringer, Benson, Beyerdynamic, Blackstar, Bogner, Boss, Breedlove,
    Buffet Crampon, Bugera, Carr, Carvin, Casio, Catalinbread, Charvel, Chase Bliss, Chauvet, Collings, Conn,
    Cordoba, Cort, Crown, D'Addario, D'Angelico, Danelectro, Darkglass, Dean, Death By Audio, Denon, Diezel,
    DigiTech, DiMarzio, Divided By 13, Dr. Z, DSM, Duesenberg, Dunlop, DW, EarthQuaker Devices, Eastman, Eastwood,
    EBS, Echopark, Electro-Harmonix, Elektron, EMG, Eminence, Empress, ENGL, Epiphone, Ernie Ball, Ernie Ball Music
    Man, ESP, Evans, Eventide, EVH, Fano, Fender, Fender Custom Shop, Fishman, Focusrite, Fodera, Friedman,
    Fulltone, G&L, Gallien-Krueger, Genelec, Genz Benz, Gibson, Gibson Custom Shop, Godin, Gold Tone, Goodall,
    Gretsch, Guild, Guyatone, Hagstrom, Hamer, Hammond, Harmony, Hercules, Heritage, Hofner, Hohner, Hughes &
    Kettner, Ibanez, Istanbul, Jackson, James Tyler, JBL, JHS, JOYO, K. Yairi, Kala, Kawai, Kay, Keeley, Kemper,
    Kiesel, Korg, Kramer, KRK, Kurzweil, Lakland, Lee Oskar, Leslie, Line 6, Lollar, Ludwig, M-Audio, Mackie, Mad
    Professor, Magnatone, Make Noise, Manley, Mapex, Markbass, Marshall, Martin, Matchless, Maton, Maxon, Mayones,
    Meinl, Mesa Boogie, Mesa/Boogie, Midas, Modal, Mooer, Moog, Morgan, Mosrite, Music Man, Mutable Instruments,
    MXR, National, Native Instruments, Neumann, Neural DSP, Neve, Nord, Novation, Nux, Oberheim, Old Blood Noise
    Endeavors, Orange, Ortega, Ovation, Paiste, Paul Reed Smith, Pearl, Peavey, Pigtronix, Pioneer, Pork Pie,
    PreSonus, ProCo, PRS, QSC, Quilter, Radial, Ramirez, Rane, Recording King, Reverend, Rickenbacker, RME, Rode,
    Roland, Royer, Sabian, Samick, Santa Cruz, Schecter, Schertler, Selmer, Sennheiser, Sequential, Seymour Duncan,
    Shure, Silvertone, Sire, Slingerland, Sonor, Soundcraft, Source Audio, Spector, Squier, SSL, Steinberger,
    Steinway, Sterling, Stromberg, Strymon, Suhr, Supro, Switchcraft, Takamine, Tama, Tascam, Taylor, TC Electronic,
    Teenage Engineering, Teisco, Tokai, Tom Anderson, Tone King, Traynor, Two Notes, Two Rock, UAD, Universal Audio,
    Valco, Victoria, Vox, Walrus Audio, Wampler, Warm Audio, Warwick, Washburn, Waves, Way Huge, Wurlitzer, Xotic,
    Yamaha, Zemaitis, Zildjian, Zoom, ZVEX
    """.replace("\n", " ").split(",")
)
