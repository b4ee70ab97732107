package main

import "fmt"

// Everything below is invented. No institution, person, number or record is real.

var (
	ravensmoor = &institution{
		name: "Ravensmoor University", english: "Ravensmoor University", motto: "Lumen inter silvas", city: "Vermont",
		office: "Office of the University Registrar", address: "14 College Row, Ravensmoor, Vermont",
		registrar: "Eleanor P. Hathersage", title: "University Registrar", system: "Ravensmoor Student Records 9.3",
		tint: colour{92, 20, 34}, accent: colour{214, 178, 94}, charge: book, scale: fourPoint, lang: "en-US",
	}
	kestrel = &institution{
		name: "Kestrel Bay State University", english: "Kestrel Bay State University",
		office: "Office of Records", address: "900 Harbor Drive, Kestrel Bay, Oregon",
		registrar: "Marcus T. Okonjo-Hale", title: "Director of Records", system: "KBSU Campus Solutions",
		tint: colour{14, 62, 88}, accent: colour{240, 160, 40}, charge: bird, scale: wholeLetters, lang: "en-US",
	}
	fjordvik = &institution{
		name: "Fjordvik tekniske høgskole", english: "Fjordvik University College of Technology", city: "Fjordvik",
		office: "Studieavdelingen  ·  Office of Academic Affairs", address: "Storgata 41, 6999 Fjordvik, Norge",
		registrar: "Torbjørn Hæstad-Lie", title: "Studiesjef", system: "Studieregister 4",
		tint: colour{18, 78, 92}, accent: colour{226, 96, 62}, charge: peaks, scale: nordic, lang: "nb",
	}
	aurora = &institution{
		name: "Universidad Aurora del Valle", english: "Aurora del Valle University", city: "Valdelaurora",
		office: "Secretaría General  ·  Gestión Académica", address: "Plaza de la Ceiba, 3, 45999 Valdelaurora, España",
		registrar: "Inés Albarracín Cañizares", title: "Secretaria General", system: "Gestión Académica 12",
		tint: colour{120, 34, 60}, accent: colour{236, 170, 50}, charge: sun, scale: outOfTen, lang: "es",
	}
	gruenau = &institution{
		name: "Universität Grünau-Seetal", english: "University of Grünau-Seetal", city: "Grünau",
		office: "Studienadministration  ·  Registrar’s Office", address: "Rämiweg 17, 8999 Grünau, Schweiz",
		registrar: "Dr. Käthi Brühwiler", title: "Leiterin Studienadministration", system: "CampusSeetal",
		tint: colour{34, 70, 44}, accent: colour{120, 170, 60}, charge: peaks, scale: outOfSix, lang: "de",
	}
	bilaSkala = &institution{
		name: "Univerzita Bílá Skála", english: "White Rock University",
		office: "Studijní oddělení / Registrar’s Office", address: "Náměstí Kněžny Žofie 8, 799 99 Bílá Skála, Česko",
		registrar: "doc. Bořivoj Řeřicha", title: "prorektor pro studium / Vice-Rector for Studies", system: "Studijní systém ÚVT",
		tint: colour{24, 52, 120}, accent: colour{196, 164, 84}, charge: rock, scale: czech, lang: "cs",
	}
	valmoriere = &institution{
		name: "Université de Valmorière", english: "University of Valmorière",
		office: "Direction de la scolarité", address: "5, quai des Tanneurs, 99480 Valmorière, France",
		registrar: "Solène d’Aubréville", title: "directrice de la scolarité / Director of Student Affairs", system: "Scolarité 2026.1",
		tint: colour{38, 44, 92}, accent: colour{190, 60, 70}, charge: lily, scale: outOfTwenty, lang: "fr",
	}
	wangshu = &institution{
		name: "望舒理工大学", english: "Wangshu University of Technology", registrar: "闻人静",
		system: "望舒理工大学教务管理系统", tint: colour{20, 60, 120}, accent: colour{235, 205, 120}, charge: moon, scale: hundred, lang: "zh-CN",
	}
	yunxiu = &institution{
		name: "云岫师范大学", english: "Yunxiu Normal University", registrar: "司空毓秀",
		system: "云岫师范大学研究生管理系统", tint: colour{96, 28, 44}, accent: colour{232, 206, 150}, charge: cloud, scale: hundred, lang: "zh-CN",
	}
	brightwater = &institution{
		name: "Brightwater Credit Bank", english: "Brightwater Credit Bank", city: "Te Awa Marama",
		office: "A cooperative of eleven colleges and polytechnics", address: "Level 2, 60 Wharf Road, Te Awa Marama, New Zealand",
		registrar: "Hinemoa Carrington-Fale", title: "Head of Assessment", system: "Brightwater Ledger 5",
		tint: colour{10, 88, 96}, accent: colour{60, 150, 140}, charge: ledger, lang: "en",
	}
	heluo = &institution{
		name: "河洛终身学习学分银行", english: "Heluo Lifelong Learning Credit Bank",
		office: "Heluo Lifelong Learning Credit Bank", address: "河洛市学苑路199号  学习成果认定中心",
		registrar: "端木清越", title: "学习成果认定中心主任", system: "河洛学分银行管理平台",
		tint: colour{30, 74, 124}, accent: colour{70, 140, 180}, charge: ledger, lang: "zh",
	}
	prairie = &institution{
		name: "PRAIRIE JUNCTION STATE COLLEGE", address: "BOX 100, PRAIRIE JUNCTION, NEBRASKA",
		registrar: "W. E. LINDSTROM", title: "REGISTRAR", system: "RECORDS PRINT 2.1", scale: wholeLetters,
	}
)

const historyPlan = `
# Fall Semester {0}
HIST 101 | 4 | The Ancient Mediterranean World
ENGL 110 | 4 | Writing Seminar: Reading the Archive
FREN 201 | 4 | Intermediate French I
ASTR 105 | 4 | The Solar System
# Spring Semester {1}
HIST 102 | 4 | Medieval Europe and Its Neighbors
PHIL 120 | 4 | Introduction to Ethics
FREN 202 | 4 | Intermediate French II
STAT 130 | 4 | Statistical Reasoning
# Fall Semester {1}
HIST 210 | 4 | Methods of Historical Inquiry
HIST 224 | 4 | The Atlantic World, 1450–1800
POLS 201 | 4 | Comparative Politics
ARTH 115 | 4 | Art of the Book
# Spring Semester {2}
HIST 231 | 4 | Empires of the Steppe
ANTH 205 | 4 | Material Culture
FREN 310 | 4 | Francophone Literatures
GEOG 140 | 4 | Maps and Their Makers
# Fall Semester {2}
HIST 318 | 4 | The Little Ice Age: Climate and Society
HIST 342 | 4 | Oral History Workshop
CLAS 240 | 4 | Latin Paleography
MUSC 102 | 2 | University Choir
# Spring Semester {3}
HIST 355 | 4 | Revolutions Compared
HIST 361 | 4 | Cities, Trade and Plague
ECON 215 | 4 | Economic History of North America
MUSC 103 | 2 | University Choir
# Fall Semester {3}
HIST 410 | 4 | Senior Seminar: Borders
HIST 490 | 4 | Honors Thesis I
LIBR 301 | 4 | Archives and Preservation
ENVS 220 | 4 | Forest History
# Spring Semester {4}
HIST 491 | 4 | Honors Thesis II
HIST 437 | 4 | Memory and Monument
PHIL 333 | 4 | Philosophy of History
THEA 150 | 4 | Stage and Society
`

const computingPlan = `
# Fall Semester {0}
CSCI 110 | 4 | Introduction to Programming
MATH 141 | 4 | Calculus I
PHYS 121 | 4 | Mechanics with Laboratory
ENGL 110 | 4 | Writing Seminar: Machines and Letters
# Spring Semester {1}
CSCI 120 | 4 | Data Structures
MATH 142 | 4 | Calculus II
PHYS 122 | 4 | Electricity and Magnetism
JAPN 101 | 4 | Elementary Japanese I
# Fall Semester {1}
CSCI 210 | 4 | Computer Organization
MATH 211 | 4 | Linear Algebra
CSCI 225 | 4 | Discrete Structures
JAPN 102 | 4 | Elementary Japanese II
# Spring Semester {2}
CSCI 240 | 4 | Design and Analysis of Algorithms
MATH 233 | 4 | Probability
CSCI 260 | 4 | Programming Languages
MUSC 118 | 4 | Sound and Signal
# Fall Semester {2}
CSCI 310 | 4 | Operating Systems
CSCI 325 | 4 | Databases
STAT 310 | 4 | Statistical Computing
PHIL 225 | 4 | Logic
# Spring Semester {3}
CSCI 340 | 4 | Computer Networks
CSCI 355 | 4 | Cryptography
CSCI 372 | 4 | Machine Learning
GEOL 105 | 4 | Rivers and Glaciers
# Fall Semester {3}
CSCI 410 | 4 | Distributed Systems
CSCI 491 | 4 | Senior Project I
CSCI 430 | 4 | Compilers
ARTS 130 | 4 | Letterpress Printing
# Spring Semester {4}
CSCI 492 | 4 | Senior Project II
CSCI 445 | 4 | Formal Verification
PHIL 310 | 4 | Ethics of Technology
ECON 110 | 4 | Principles of Economics
`

const marinePlan = `
# AUTUMN {0}
BIOL 111 | 5 | Cells and Genes
CHEM 141 | 4 | General Chemistry I
MATH 151 | 4 | Quantitative Methods I
WRIT 101 | 3 | College Writing
# WINTER {1}
BIOL 112 | 5 | Diversity of Life
CHEM 142 | 4 | General Chemistry II
MATH 152 | 4 | Quantitative Methods II
# SPRING {1}
BIOL 113 | 5 | Ecology
CHEM 143 | 4 | General Chemistry III
OCEA 120 | 4 | Oceans and Coasts
# AUTUMN {1}
MARB 210 | 5 | Marine Invertebrates
CHEM 241 | 4 | Organic Chemistry I
STAT 243 | 4 | Statistics for Biologists
COMM 111 | 3 | Public Speaking
# WINTER {2}
MARB 211 | 5 | Marine Vertebrates
CHEM 242 | 4 | Organic Chemistry II
PHYS 201 | 5 | Physics for Life Sciences I
# SPRING {2}
MARB 230 | 5 | Phycology
PHYS 202 | 5 | Physics for Life Sciences II
GEOS 220 | 4 | Coastal Geology
# AUTUMN {2}
MARB 310 | 5 | Physiology of Marine Animals
BIOL 331 | 4 | Genetics
OCEA 332 | 4 | Chemical Oceanography
# WINTER {3}
MARB 320 | 5 | Fish and Fisheries
BIOL 350 | 4 | Evolution
GEOG 365 | 4 | Geographic Information Systems
# SPRING {3}
MARB 341 | 8 | Field Quarter: Tide Pools
MARB 342 | 6 | Field Quarter: Kelp Forests
# AUTUMN {3}
MARB 410 | 5 | Marine Conservation
MARB 440 | 4 | Plankton
ECON 262 | 4 | Environmental Economics
# WINTER {4}
MARB 450 | 5 | Deep-Sea Biology
MARB 490 | 4 | Research Seminar
PHIL 340 | 3 | Environmental Ethics
# SPRING {4}
MARB 499 | 8 | Senior Research Project
MARB 460 | 4 | Estuaries
ARTS 101 | 3 | Drawing from Nature
`

const mechanicalPlan = `
# AUTUMN {0}
ENGR 101 | 4 | Engineering Orientation
MATH 251 | 4 | Differential Calculus
CHEM 201 | 4 | Chemistry for Engineers
WRIT 101 | 3 | College Writing
# WINTER {1}
MATH 252 | 4 | Integral Calculus
PHYS 211 | 5 | Physics with Calculus I
ENGR 112 | 4 | Engineering Graphics
# SPRING {1}
MATH 254 | 4 | Vector Calculus
PHYS 212 | 5 | Physics with Calculus II
ENGR 211 | 4 | Statics
# AUTUMN {1}
ENGR 212 | 4 | Dynamics
MATH 256 | 4 | Differential Equations
PHYS 213 | 5 | Physics with Calculus III
# WINTER {2}
ENGR 213 | 4 | Strength of Materials
MECH 250 | 3 | Manufacturing Processes
ECEN 221 | 4 | Electrical Fundamentals
COMM 111 | 3 | Public Speaking
# SPRING {2}
MECH 311 | 4 | Thermodynamics
MECH 316 | 4 | Mechanics of Materials
STAT 314 | 3 | Statistics for Engineers
# AUTUMN {2}
MECH 331 | 4 | Fluid Mechanics
MECH 320 | 4 | Dynamic Systems
MATL 321 | 4 | Materials Science
# WINTER {3}
MECH 332 | 4 | Heat Transfer
MECH 382 | 4 | Design I
ECON 201 | 4 | Microeconomics
# SPRING {3}
MECH 383 | 4 | Design II
MECH 430 | 4 | Control Systems
ARTH 202 | 3 | History of Industrial Design
# AUTUMN {3}
MECH 412 | 4 | Capstone Design I
MECH 452 | 4 | Thermal-Fluids Laboratory
MECH 460 | 4 | Wave Energy Conversion
`

const oceanEnergyPlan = `
# Høst {0}
HAV4100 | 7.5 | Bølger og havstrømmer
HAV4110 | 7.5 | Marine konstruksjoner
MAT4020 | 7.5 | Numeriske metoder
ING4000 | 7.5 | Vitenskapelig skriving og metode
# Vår {1}
HAV4200 | 7.5 | Flytende havvind
HAV4215 | 7.5 | Forankring og kabler
ELK4230 | 7.5 | Elektriske anlegg til havs
MAT4310 | 7.5 | Pålitelighet og risiko
# Høst {1}
HAV5100 | 7.5 | Drift og vedlikehold i arktisk klima
HAV5120 | 15 | Prosjektoppgave
SAM5010 | 7.5 | Havrett og miljø
# Vår {2}
HAV5900 | 30 | Masteroppgave: Utmatting i dynamiske kabler
`

const datingeniorPlan = `
# Høst {0}
DAT1000 | 10 | Grunnleggende programmering
MAT1001 | 10 | Matematikk 1
ING1002 | 10 | Ingeniørrollen
# Vår {1}
DAT1100 | 10 | Objektorientert programmering
MAT1010 | 10 | Matematikk 2
FYS1003 | 10 | Fysikk og kjemi
# Høst {1}
DAT2000 | 10 | Algoritmer og datastrukturer
DAT2050 | 10 | Databaser
STA2001 | 10 | Statistikk
# Vår {2}
DAT2200 | 10 | Operativsystemer
DAT2310 | 10 | Nettverk og sikkerhet
DAT2400 | 10 | Systemutvikling i team
# Høst {2}
DAT3000 | 10 | Kunstig intelligens
DAT3110 | 10 | Skytjenester
DAT3225 | 10 | Anvendt kryptografi
# Vår {3}
DAT3800 | 10 | Etikk og teknologi
DAT3900 | 20 | Bacheloroppgave
`

const arquitecturaPlan = `
# Otoño {0}
ARQ101 | 9 | Proyectos I: el lugar
ARQ105 | 6 | Dibujo y percepción
MAT110 | 6 | Fundamentos matemáticos
HIS120 | 6 | Historia del arte
CON101 | 3 | Introducción a la construcción
# Primavera {1}
ARQ102 | 9 | Proyectos II: la casa
ARQ106 | 6 | Geometría descriptiva
FIS115 | 6 | Física de las estructuras
HIS121 | 6 | Historia de la arquitectura I
LEN100 | 3 | Expresión oral y escrita
# Otoño {1}
ARQ201 | 9 | Proyectos III: el barrio
EST210 | 6 | Estructuras I
CON201 | 6 | Construcción en adobe y tapial
HIS221 | 6 | Historia de la arquitectura II
URB200 | 3 | Sociología urbana
# Primavera {2}
ARQ202 | 9 | Proyectos IV: la escuela
EST211 | 6 | Estructuras II
CON202 | 6 | Instalaciones y energía
URB210 | 6 | Urbanismo I
PAI205 | 3 | Taller de paisaje
# Otoño {2}
ARQ301 | 12 | Proyectos V: la reparación
EST310 | 6 | Hormigón y acero
URB310 | 6 | Urbanismo II
ARQ340 | 6 | Patrimonio y restauración
# Primavera {3}
ARQ302 | 12 | Proyectos VI: el agua
CON310 | 6 | Acondicionamiento acústico y lumínico
DER300 | 3 | Legislación urbanística
ARQ345 | 6 | Mediciones y presupuestos
ING301 | 3 | Inglés para arquitectos
# Otoño {3}
ARQ401 | 15 | Proyectos VII: la señal y el muñón
PRA400 | 9 | Prácticas externas
OPT412 | 6 | Optativa: diseño paramétrico
# Primavera {4}
ARQ490 | 24 | Trabajo de fin de grado
OPT420 | 6 | Optativa: arquitectura y niñez
`

const umweltPlan = `
# Herbst {0}
UWN 101 | 8 | Mathematik I
UWN 111 | 7 | Allgemeine Chemie
UWN 121 | 6 | Geologie und Böden
UWN 131 | 6 | Biologie I: Zellen und Gewebe
UWN 190 | 3 | Einführung ins wissenschaftliche Arbeiten
# Frühling {1}
UWN 102 | 8 | Mathematik II
UWN 112 | 6 | Organische Chemie
UWN 122 | 6 | Hydrosphäre
UWN 132 | 6 | Biologie II: Ökologie
UWN 142 | 4 | Feldkurs Moore und Gewässer
# Herbst {1}
UWN 201 | 6 | Statistik und Daten
UWN 211 | 6 | Atmosphärenphysik
UWN 221 | 6 | Mikrobiologie
UWN 231 | 6 | Umweltrecht
UWN 241 | 6 | Fernerkundung
# Frühling {2}
UWN 202 | 6 | Umweltmodelle
UWN 212 | 6 | Klimageschichte der Alpen
UWN 222 | 6 | Ökotoxikologie
UWN 232 | 6 | Umweltökonomie
UWN 242 | 6 | Feldkurs Gletscher
# Herbst {2}
UWN 301 | 6 | Wald- und Landschaftsökologie
UWN 311 | 6 | Süßwasserbiologie
UWN 321 | 6 | Risiko und Naturgefahren
UWN 331 | 6 | Umweltethik
UWN 341 | 6 | Projektarbeit Gemeinde und Energie
# Frühling {3}
UWN 390 | 15 | Bachelorarbeit
UWN 312 | 6 | Grundwasser
UWN 322 | 6 | Biodiversität messen
UWN 342 | 3 | Kolloquium
`

const informatikaPlan = `
# Zimní semestr {0}/{1}
INF101 | 6 | Úvod do programování | Introduction to Programming
MAT101 | 6 | Matematická analýza I | Mathematical Analysis I
MAT111 | 6 | Lineární algebra | Linear Algebra
INF105 | 6 | Architektura počítačů | Computer Architecture
ANG101 | 3 | Angličtina pro informatiky I | English for Computer Science I
INF109 | 3 | Práce s textem a prameny | Texts and Sources
# Letní semestr {0}/{1}
INF102 | 6 | Algoritmy a datové struktury | Algorithms and Data Structures
MAT102 | 6 | Matematická analýza II | Mathematical Analysis II
MAT121 | 6 | Diskrétní matematika | Discrete Mathematics
INF115 | 6 | Operační systémy | Operating Systems
ANG102 | 3 | Angličtina pro informatiky II | English for Computer Science II
TVS100 | 3 | Tělesná výchova: lezení | Physical Education: Climbing
# Zimní semestr {1}/{2}
INF201 | 6 | Objektové programování | Object-oriented Programming
INF211 | 6 | Databázové systémy | Database Systems
MAT201 | 6 | Pravděpodobnost a statistika | Probability and Statistics
INF221 | 6 | Počítačové sítě | Computer Networks
INF231 | 6 | Formální jazyky a překladače | Formal Languages and Compilers
# Letní semestr {1}/{2}
INF202 | 6 | Softwarové inženýrství | Software Engineering
INF212 | 6 | Uživatelská rozhraní | User Interfaces
INF222 | 6 | Bezpečnost a kryptologie | Security and Cryptology
INF232 | 6 | Umělá inteligence | Artificial Intelligence
EKO200 | 6 | Ekonomika a řízení podniku | Business Economics
# Zimní semestr {2}/{3}
INF301 | 6 | Paralelní výpočty | Parallel Computing
INF311 | 6 | Zpracování přirozeného jazyka | Natural Language Processing
INF321 | 6 | Grafika a vizualizace | Graphics and Visualisation
INF380 | 6 | Odborná praxe | Professional Placement
INF390 | 6 | Seminář k bakalářské práci | Thesis Seminar
# Letní semestr {2}/{3}
INF391 | 12 | Bakalářská práce | Bachelor’s Thesis
INF331 | 6 | Právo a etika v informatice | Law and Ethics of Computing
INF341 | 6 | Strojové učení | Machine Learning
FIL300 | 6 | Filozofie vědy | Philosophy of Science
`

const lettresPlan = `
# Semestre 1 – {0}
LEL101 | 6 | Littérature médiévale : chansons et fabliaux | Medieval literature: songs and fabliaux
LEL103 | 6 | Introduction à la linguistique | Introduction to linguistics
LEL105 | 6 | Histoire de la langue française | History of the French language
LEL107 | 6 | Latin, niveau 1 | Latin, level 1
LEL109 | 6 | Méthodes du travail universitaire | Study skills
# Semestre 2 – {1}
LEL102 | 6 | Littérature de la Renaissance | Renaissance literature
LEL104 | 6 | Phonétique et phonologie | Phonetics and phonology
LEL106 | 6 | Grammaire et stylistique | Grammar and stylistics
LEL108 | 6 | Latin, niveau 2 | Latin, level 2
LEL110 | 6 | Anglais littéraire | Literary English
# Semestre 3 – {1}
LEL201 | 6 | Théâtre classique | Classical theatre
LEL203 | 6 | Syntaxe | Syntax
LEL205 | 6 | Littératures comparées | Comparative literature
LEL207 | 6 | Manuscrits et œuvres imprimées | Manuscripts and printed works
LEL209 | 6 | Corpus et outils numériques | Corpora and digital tools
# Semestre 4 – {2}
LEL202 | 6 | Le roman au dix-neuvième siècle | The novel in the nineteenth century
LEL204 | 6 | Sémantique et pragmatique | Semantics and pragmatics
LEL206 | 6 | Poésie et voix | Poetry and voice
LEL208 | 6 | Langues régionales | Regional languages
LEL210 | 6 | Stage en bibliothèque | Library placement
# Semestre 5 – {2}
LEL301 | 6 | Littérature du vingtième siècle | Twentieth-century literature
LEL303 | 6 | Sociolinguistique | Sociolinguistics
LEL305 | 6 | Traduction littéraire | Literary translation
LEL307 | 6 | Édition critique | Textual editing
LEL309 | 6 | Philosophie du langage | Philosophy of language
# Semestre 6 – {3}
LEL302 | 6 | Littératures francophones | Francophone literatures
LEL304 | 6 | Acquisition du langage | Language acquisition
LEL306 | 6 | Atelier d’écriture | Writing workshop
LEL390 | 12 | Mémoire de licence | Bachelor’s thesis
`

const ruanjianPlan = `
# {0}-{1} 第一学期
B1001 | 5 | 高等数学（一） || 必
B1003 | 3 | 线性代数 || 必
B1101 | 3 | 大学英语（一） || 必
C1001 | 4 | 程序设计基础 || 必
C1003 | 2 | 计算机科学导论 || 必
G1001 | 1 | 体育（一） || 必
G1011 | 2 | 军事理论与训练 || 必
# {0}-{1} 第二学期
B1002 | 5 | 高等数学（二） || 必
B1201 | 4 | 大学物理（一） || 必
B1102 | 3 | 大学英语（二） || 必
C1002 | 3 | 面向对象程序设计 || 必
C1004 | 3 | 离散数学 || 必
G1002 | 1 | 体育（二） || 必
G2001 | 2 | 古典诗词鉴赏 || 选
# {1}-{2} 第一学期
B2001 | 3 | 概率论与数理统计 || 必
B1202 | 4 | 大学物理（二） || 必
B1203 | 1 | 大学物理实验 || 必
C2001 | 4 | 数据结构 || 必
C2003 | 3.5 | 数字逻辑与系统 || 必
B1103 | 2 | 学术英语读写 || 必
G1003 | 1 | 体育（三） || 必
# {1}-{2} 第二学期
C2002 | 4 | 计算机组成原理 || 必
C2004 | 3 | 算法设计与分析 || 必
C2006 | 3 | 数值计算方法 || 限
C2008 | 2.5 | 软件工具实践 || 必
G1004 | 1 | 体育（四） || 必
G2013 | 2 | 天文学概论 || 选
# {2}-{3} 第一学期
C3001 | 4 | 操作系统 || 必
C3003 | 3.5 | 数据库系统原理 || 必
C3005 | 3 | 编译原理 || 必
C3007 | 3 | 软件工程 || 必
C3021 | 2 | 人工智能导论 || 限
G2027 | 2 | 陶艺制作 || 选
# {2}-{3} 第二学期
C3002 | 4 | 计算机网络 || 必
C3004 | 3 | 信息安全基础 || 必
C3006 | 2 | 数据库课程设计 || 必
C3022 | 3 | 机器学习 || 限
C3024 | 2 | 计算机图形学 || 限
G2031 | 1 | 职业发展与规划 || 必
# {3}-{4} 第一学期
C4001 | 3 | 分布式系统 || 限
C4003 | 2 | 密码学与区块链 || 限
C4005 | 4 | 综合项目实训 || 必
C4007 | 2 | 科技论文写作 || 必
G2042 | 2 | 城市与建筑 || 选
# {3}-{4} 第二学期
C4002 | 4 | 毕业实习 || 必
C4004 | 12 | 毕业设计（论文） || 必
`

const zidonghuaPlan = `
# {0}-{1} 第一学期
B1001 | 5 | 高等数学（一） || 必
B1003 | 3 | 线性代数 || 必
B1101 | 3 | 大学英语（一） || 必
D1001 | 3 | 工程制图 || 必
D1003 | 1 | 自动化专业导论 || 必
G1001 | 1 | 体育（一） || 必
# {0}-{1} 第二学期
B1002 | 5 | 高等数学（二） || 必
B1201 | 4 | 大学物理（一） || 必
B1102 | 3 | 大学英语（二） || 必
D1002 | 3 | C语言程序设计 || 必
G1002 | 1 | 体育（二） || 必
G2003 | 2 | 书法艺术 || 选
# {1}-{2} 第一学期
B1202 | 4 | 大学物理（二） || 必
B2003 | 3 | 复变函数与积分变换 || 必
D2001 | 4.5 | 电路原理 || 必
D2003 | 1 | 电路实验 || 必
B2001 | 3 | 概率论与数理统计 || 必
G1003 | 1 | 体育（三） || 必
# {1}-{2} 第二学期
D2002 | 4 | 模拟电子技术 || 必
D2004 | 3.5 | 数字电子技术 || 必
D2006 | 3 | 信号与系统 || 必
D2008 | 2 | 电子工艺实习 || 必
G1004 | 1 | 体育（四） || 必
# {2}-{3} 第一学期
D3001 | 4 | 自动控制原理 || 必
D3003 | 3 | 微机原理与接口 || 必
D3005 | 3 | 电机与拖动 || 必
D3021 | 2 | 运筹学 || 限
G2015 | 2 | 海洋与文明 || 选
# {2}-{3} 第二学期
D3002 | 3 | 现代控制理论 || 必
D3004 | 3 | 过程控制系统 || 必
D3006 | 3 | 电力电子技术 || 必
D3022 | 2 | 机器人学基础 || 限
D3024 | 2 | 机器视觉 || 限
`

const wenxuePlan = `
# {0}秋
W6001 | 3 | 中国古代文学专题 | Topics in Classical Chinese Literature | 学位
W6003 | 3 | 文献学与校勘学 | Philology and Textual Criticism | 学位
W6005 | 2 | 音韵学 | Historical Phonology | 必修
G6001 | 2 | 学术英语 | Academic English | 必修
W6021 | 2 | 敦煌写本研读 | Readings in Dunhuang Manuscripts | 选修
# {1}春
W6002 | 3 | 唐宋诗词研究 | Tang and Song Poetry | 学位
W6004 | 2 | 文学理论 | Literary Theory | 学位
W6006 | 2 | 古籍数字化 | Digital Editions of Old Books | 选修
W6008 | 2 | 目录版本学 | Bibliography and Editions | 选修
# {1}秋
W6101 | 1 | 学术规范与论文写作 | Research Ethics and Academic Writing | 必修
W6103 | 2 | 明清小说研究 | Ming and Qing Fiction | 选修
W6105 | 2 | 教学实践 | Teaching Practice | 必修
# {2}春
W6102 | 2 | 前沿讲座 | Research Seminar | 必修
`

const tongjiPlan = `
# {0}秋
S7001 | 4 | 高等数理统计 | Advanced Mathematical Statistics | 学位
S7003 | 3 | 线性模型 | Linear Models | 学位
S7005 | 3 | 统计计算 | Statistical Computing | 学位
G6001 | 2 | 学术英语 | Academic English | 必修
# {1}春
S7002 | 3 | 多元统计分析 | Multivariate Analysis | 学位
S7004 | 3 | 时间序列分析 | Time Series | 选修
S7006 | 2 | 抽样调查 | Survey Sampling | 选修
S7008 | 2 | 因果推断 | Causal Inference | 选修
# {1}秋
S7101 | 4 | 专业实习 | Internship | 必修
S7103 | 2 | 生物统计 | Biostatistics | 选修
S7105 | 1 | 学术规范与论文写作 | Research Ethics and Academic Writing | 必修
`

const prairiePlan = `
# FALL {0}
ENG 101 | 3 | ENGLISH COMPOSITION I
MTH 120 | 5 | ALGEBRA AND TRIGONOMETRY
AGR 110 | 3 | PLANTS, SOILS AND PEOPLE
HIS 105 | 3 | WESTERN CIVILIZATION
PED 100 | 1 | BOWLING
# SPRING {1}
ENG 102 | 3 | ENGLISH COMPOSITION II
MTH 150 | 5 | CALCULUS I
CHM 115 | 4 | GENERAL CHEMISTRY
SPC 101 | 3 | SPEECH
# FALL {1}
MTH 151 | 5 | CALCULUS II
PHY 201 | 4 | GENERAL PHYSICS I
EDU 210 | 3 | FOUNDATIONS OF EDUCATION
CSC 110 | 3 | PROGRAMMING IN PASCAL
# SPRING {2}
MTH 220 | 3 | LINEAR ALGEBRA
PHY 202 | 4 | GENERAL PHYSICS II
PSY 230 | 3 | EDUCATIONAL PSYCHOLOGY
GEO 120 | 3 | THE GREAT PLAINS
ENG 220 | 3 | AMERICAN LITERATURE
# FALL {2}
MTH 310 | 3 | MODERN GEOMETRY
STA 301 | 3 | PROBABILITY AND STATISTICS
EDU 320 | 3 | METHODS: SECONDARY MATHEMATICS
BIO 110 | 4 | GENERAL BIOLOGY
MUS 105 | 2 | COLLEGE BAND
# SPRING {3}
MTH 340 | 3 | NUMBER THEORY
HIS 330 | 3 | HISTORY OF MATHEMATICS
EDU 340 | 3 | READING IN THE CONTENT AREAS
ECO 201 | 3 | ECONOMICS
ART 101 | 3 | ART APPRECIATION
MUS 106 | 2 | COLLEGE BAND
# FALL {3}
MTH 401 | 3 | ABSTRACT ALGEBRA
EDU 410 | 3 | CLASSROOM MANAGEMENT
EDU 430 | 2 | TESTS AND MEASUREMENT
ENG 310 | 3 | TECHNICAL WRITING
MTH 420 | 3 | MATHEMATICAL MODELING
PHL 201 | 3 | LOGIC
# SPRING {4}
EDU 490 | 12 | STUDENT TEACHING
EDU 491 | 2 | SENIOR SEMINAR
`

// The programmes of study; a degree adds when it was conferred.
var (
	historyBA = award{degree: "Bachelor of Arts", field: "History", faculty: "College of Letters"}
	computing = award{degree: "Bachelor of Science", field: "Computer Science", faculty: "College of Science"}

	marineBS     = award{degree: "B.S.", field: "Marine Biology", faculty: "College of Ocean and Earth Sciences"}
	mechanicalBS = award{degree: "B.S.", field: "Mechanical Engineering", faculty: "College of Engineering"}

	oceanEnergy  = award{degree: "Master i teknologi,", field: "havenergi", required: 1200}
	datingenior  = award{degree: "Bachelor i ingeniørfag,", field: "data", required: 1800}
	arquitectura = award{degree: "Grado en", field: "Fundamentos de la Arquitectura", required: 2400}
	umwelt       = award{degree: "Bachelor of Science,", field: "Umweltnaturwissenschaften", required: 1800}

	informatika = award{
		degree: "bakalář (Bc.) / Bachelor", field: "Aplikovaná informatika", english: "Applied Informatics",
		faculty: "Fakulta přírodních věd / Faculty of Science", level: "First cycle, level 6 of the European Qualifications Framework",
		length: "Three years, 180 ECTS credits", required: 1800,
	}
	lettres = award{
		degree: "Licence / Bachelor", field: "Lettres et linguistique", english: "Literature and Linguistics",
		faculty: "Faculté des lettres / Faculty of Letters", level: "First cycle, level 6 of the European Qualifications Framework",
		length: "Three years, 180 ECTS credits", required: 1800,
	}

	ruanjian  = award{degree: "工学学士", field: "软件工程", faculty: "信息与软件学院", length: "四年"}
	zidonghua = award{degree: "工学学士", field: "自动化", faculty: "控制科学与工程学院", length: "四年"}
	wenxue    = award{degree: "文学硕士 M.A.", field: "中国古代文学", faculty: "文学院", supervisor: "上官文澜 教授"}
	tongji    = award{degree: "应用统计硕士 M.A.S.", field: "应用统计", faculty: "数学与统计学院", supervisor: "夏侯明远 教授"}
)

func (a award) conferredOn(day, honours string) award {
	a.conferred, a.honours = day, honours
	return a
}

func (a award) withThesis(title, english, supervisor string) award {
	a.thesis, a.thesisEnglish = title, english
	if supervisor != "" {
		a.supervisor = supervisor
	}
	return a
}

// An entry is a transcript whose grades are still to be drawn up.
type entry struct {
	transcript
	plan string
	year int
	did  performance
}

func everyone() ([]*transcript, error) {
	var all []*transcript
	for _, e := range people {
		t := e.transcript
		if e.plan != "" {
			terms, err := study(e.plan, e.year, t.school.scale, t.student.id, e.did)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.file, err)
			}
			t.terms = terms
		}
		all = append(all, &t)
	}
	return all, nil
}

var people = []entry{
	// Ravensmoor University
	{transcript{
		file: "transcript_R00482137.pdf", layout: classic, school: ravensmoor, number: "RU-2026-004417", issued: "2026-06-15",
		student: student{name: "Amelia Rose Thornbury", id: "R00482137", born: "2004-03-09", admitted: "Fall Semester 2022"},
		award:   historyBA.conferredOn("2026-05-17", "Magna cum laude"),
	}, historyPlan, 2022, performance{percent: 93}},
	{transcript{
		file: "Transcript - Zoë Marchetti-Okafor.pdf", layout: classic, school: ravensmoor, number: "RU-2026-004502", issued: "2026-06-18",
		student: student{name: "Zoë Marchetti-Okafor", id: "R00482560", born: "2003-11-27", admitted: "Fall Semester 2022"},
		award:   computing.conferredOn("2026-05-17", "Summa cum laude"),
	}, computingPlan, 2022, performance{percent: 97, grades: map[string]string{"MUSC 118": "P"}}},
	{transcript{
		file: "2026-spring/OFFICIAL_TRANSCRIPT_R00479904.PDF", layout: classic, school: ravensmoor, number: "RU-2026-004519", issued: "2026-06-18",
		student: student{name: "Jamal Kingsley Whitfield", id: "R00479904", born: "2003-06-30", admitted: "Fall Semester 2022"},
		award:   computing.conferredOn("2026-05-17", ""),
		remark:  "JAPN 101 and JAPN 102: credit transferred from Kestrel Bay State University.",
	}, computingPlan, 2022, performance{percent: 82, grades: map[string]string{"CSCI 120": "C-", "PHYS 122": "W", "JAPN 101": "TR", "JAPN 102": "TR"}}},
	{transcript{
		file: "2026-spring/R00491288-Lindqvist.pdf", layout: classic, school: ravensmoor, number: "RU-2026-001206", issued: "2026-02-06",
		student: student{name: "Theo Lindqvist", id: "R00491288", born: "2005-08-14", admitted: "Fall Semester 2024"},
		award:   historyBA,
		remark:  "Enrolled for the Spring Semester 2026; courses in progress are not listed.",
	}, historyPlan, 2024, performance{percent: 88, terms: 3}},

	// Kestrel Bay State University
	{transcript{
		file: "KBSU-884120.pdf", layout: dense, school: kestrel, number: "884120-26-01", issued: "2026-06-22",
		student: student{name: "Priya Raghunathan-Boyle", id: "884120", born: "2004-01-17", admitted: "Autumn 2022"},
		award:   marineBS.conferredOn("2026-06-13", "Cum laude"),
	}, marinePlan, 2022, performance{percent: 89}},
	{transcript{
		file: "KBSU-884377.PDF", layout: dense, school: kestrel, number: "884377-26-01", issued: "2026-06-22",
		student: student{name: "Desmond Achterberg", id: "884377", born: "2003-09-05", admitted: "Autumn 2022"},
		award:   marineBS.conferredOn("2026-06-13", ""),
	}, marinePlan, 2022, performance{percent: 79, grades: map[string]string{"WRIT 101": "CR", "CHEM 241": "W"}}},
	{transcript{
		file: "KBSU-879902 (reissued).pdf", layout: dense, school: kestrel, number: "879902-26-02", issued: "2026-09-04",
		student: student{name: "Renée Vasquez-Thiessen", id: "879902", born: "2002-12-21", admitted: "Autumn 2021"},
		award:   marineBS.conferredOn("2025-06-14", ""),
		remark:  "This transcript replaces document 879902-25-01 of June 23, 2025, in which the holder’s name was misspelled.",
	}, marinePlan, 2021, performance{percent: 85}},
	{transcript{
		file: "2026-spring/KBSU-891455.pdf", layout: dense, school: kestrel, number: "891455-26-01", issued: "2026-06-24",
		student: student{name: "Tomáš Kelleher", id: "891455", born: "2005-04-02", admitted: "Autumn 2023"},
		award:   mechanicalBS,
	}, mechanicalPlan, 2023, performance{percent: 84, terms: 9, grades: map[string]string{"ARTH 202": "IP", "MECH 430": "IP"}}},

	// Fjordvik tekniske høgskole
	{transcript{
		file: "Karakterutskrift_Søren_Ødegård.pdf", layout: modern, school: fjordvik, number: "FTH-2026-20311", issued: "2026-06-29",
		student: student{name: "Søren Ødegård", id: "512207", born: "1999-02-11", admitted: "August 2024"},
		award:   oceanEnergy.conferredOn("2026-06-26", ""),
	}, oceanEnergyPlan, 2024, performance{percent: 86, grades: map[string]string{"ING4000": "Bestått"}}},
	{transcript{
		file: "vitnemål-203118.pdf", layout: modern, school: fjordvik, number: "FTH-2026-20318", issued: "2026-06-29",
		student: student{name: "Ingrid Bjørnstad Åsheim", id: "498833", born: "2003-05-24", admitted: "August 2023"},
		award:   datingenior.conferredOn("2026-06-26", ""),
	}, datingeniorPlan, 2023, performance{percent: 78}},

	// Universidad Aurora del Valle
	{transcript{
		file: "expediente-académico-Peñalver-Núñez.pdf", layout: modern, school: aurora, number: "UAV/2026/07714", issued: "2026-07-10",
		student: student{name: "María José Peñalver Núñez", id: "A-22-11805", born: "2004-10-03", admitted: "Septiembre de 2022"},
		award:   arquitectura.conferredOn("2026-07-03", "Sobresaliente"),
	}, arquitecturaPlan, 2022, performance{percent: 93}},
	{transcript{
		file: "certificado_notas_Íñigo_Güell.pdf", layout: modern, school: aurora, number: "UAV/2026/07802", issued: "2026-07-15",
		student: student{name: "Íñigo Güell Santamaría", id: "A-23-12991", born: "2005-01-29", admitted: "Septiembre de 2023"},
		award:   arquitectura,
		remark:  "Estudios en curso: no ha superado la totalidad de los créditos de la titulación.",
	}, arquitecturaPlan, 2023, performance{percent: 71, terms: 6, grades: map[string]string{"EST210": "4,2"}}},

	// Universität Grünau-Seetal
	{transcript{
		file: "Leistungsausweis Jürg Brändli.pdf", layout: modern, school: gruenau, number: "UGS-26-01187", issued: "2026-07-08",
		student: student{name: "Jürg Brändli", id: "23-918-404", born: "2003-07-19", admitted: "September 2023"},
		award:   umwelt.conferredOn("2026-06-30", "gut"),
	}, umweltPlan, 2023, performance{percent: 84}},
	{transcript{
		file: "2026-spring/leistungsausweis_23-920-117.pdf", layout: modern, school: gruenau, number: "UGS-26-01193", issued: "2026-07-08",
		student: student{name: "Mélanie Großenbacher-Süß", id: "23-920-117", born: "2004-02-28", admitted: "September 2023"},
		award:   umwelt.conferredOn("2026-06-30", "befriedigend"),
	}, umweltPlan, 2023, performance{percent: 74}},

	// Univerzita Bílá Skála
	{transcript{
		file: "dodatek-k-diplomu_Dvořáčková.pdf", layout: supplement, school: bilaSkala, number: "UBS-B-2026-0318", issued: "2026-07-01",
		student: student{name: "Žofie Dvořáčková", id: "UBS230418", born: "2004-04-16", from: "Horní Lhotka, Česko"},
		award: informatika.conferredOn("2026-06-24", "Prospěla s vyznamenáním / passed with honours").withThesis(
			"Detekce změn v naskenovaných rukopisech", "Detecting Changes in Scanned Manuscripts", "RNDr. Vítězslav Kůrka, Ph.D."),
	}, informatikaPlan, 2023, performance{percent: 91, grades: map[string]string{"TVS100": "Z", "INF380": "Z"}}},
	{transcript{
		file: "DS_2026_0344.pdf", layout: supplement, school: bilaSkala, number: "UBS-B-2026-0344", issued: "2026-07-01",
		student: student{name: "Ondřej Šťastný", id: "UBS230562", born: "2003-12-08", from: "Dolní Újezdec, Česko"},
		award: informatika.conferredOn("2026-06-24", "Prospěl / passed").withThesis(
			"Plánování směn ve zdravotnictví celočíselným programováním", "Shift Scheduling in Hospitals by Integer Programming", "Ing. Růžena Ťoupalíková"),
		remark: "One semester at Fjordvik tekniske høgskole, Norway (spring 2025).",
	}, informatikaPlan, 2023, performance{percent: 73, grades: map[string]string{"TVS100": "Z", "INF380": "Z"}}},

	// Université de Valmorière
	{transcript{
		file: "Supplément au diplôme - Chloé Lefèvre-Noël.pdf", layout: supplement, school: valmoriere, number: "UV-SD-2026-0429", issued: "2026-07-06",
		student: student{name: "Chloé Lefèvre-Noël", id: "22304417", born: "2004-06-21", from: "Saint-Aubin-des-Bruyères, France"},
		award: lettres.conferredOn("2026-06-30", "Mention bien / with honours").withThesis(
			"L’accent circonflexe dans les éditions imprimées, 1740–1835", "The Circumflex in Printed Editions, 1740–1835", "Gaëtan Thiébault-Roÿ"),
	}, lettresPlan, 2023, performance{percent: 75}},
	{transcript{
		file: "2026-spring/UV-SD-2026-0442-signé.pdf", layout: supplement, school: valmoriere, number: "UV-SD-2026-0442", issued: "2026-07-06", signed: true,
		student: student{name: "Aïssatou Kéïta-Maçon", id: "22305120", born: "2003-08-02", from: "Port-Céleste, France"},
		award: lettres.conferredOn("2026-06-30", "Mention assez bien / fairly good").withThesis(
			"Traduire l’ironie : trois versions d’un conte", "Translating Irony: Three Versions of a Tale", "Anaëlle Dujarric"),
	}, lettresPlan, 2023, performance{percent: 67}},

	// 望舒理工大学
	{transcript{
		file: "成绩单-林知遥-2022110417.pdf", layout: chinese, school: wangshu, number: "WS2026-0417", issued: "2026-06-20",
		student: student{name: "林知遥", id: "2022110417", sex: "女", born: "2004-05-12", admitted: "2022年9月"},
		award:   ruanjian.conferredOn("2026-06-18", ""),
	}, ruanjianPlan, 2022, performance{percent: 89}},
	{transcript{
		file: "2026届/2022110533-欧阳清和.pdf", layout: chinese, school: wangshu, number: "WS2026-0533", issued: "2026-06-20",
		student: student{name: "欧阳清和", id: "2022110533", sex: "男", born: "2003-12-30", admitted: "2022年9月"},
		award:   ruanjian.conferredOn("2026-06-18", ""),
	}, ruanjianPlan, 2022, performance{percent: 77, grades: map[string]string{"G2013": "58"}}},
	{transcript{
		file: "2023120608_transcript.pdf", layout: chinese, school: wangshu, number: "WS2026-1127", issued: "2026-09-11",
		student: student{name: "慕容听雪", id: "2023120608", sex: "女", born: "2005-02-03", admitted: "2023年9月"},
		award:   zidonghua,
	}, zidonghuaPlan, 2023, performance{percent: 83}},

	// 云岫师范大学
	{transcript{
		file: "研究生成绩单_沈若溪.pdf", layout: graduate, school: yunxiu, number: "YX-Y-2026-0093", issued: "2026-06-25",
		student: student{name: "沈若溪", latin: "SHEN Ruoxi", id: "M2023010226", sex: "女 Female", born: "2000-11-08", admitted: "2023-09"},
		award: wenxue.conferredOn("2026-06-20", "通过，优秀 Passed, excellent").withThesis(
			"晚唐行旅诗中的驿路与舟楫", "Post Roads and Boats in the Travel Poetry of the Late Tang", ""),
	}, wenxuePlan, 2023, performance{percent: 91}},
	{transcript{
		file: "YXNU_G_2026_0118.pdf", layout: graduate, school: yunxiu, number: "YX-Y-2026-0118", issued: "2026-06-25",
		student: student{name: "诸葛予安", latin: "ZHUGE Yu’an", id: "M2024070315", sex: "男 Male", born: "2001-04-19", admitted: "2024-09"},
		award: tongji.conferredOn("2026-06-20", "通过，良好 Passed, good").withThesis(
			"缺失数据下的分层抽样估计及其在城市交通调查中的应用",
			"Stratified Estimation with Missing Data, Applied to an Urban Transport Survey", ""),
	}, tongjiPlan, 2024, performance{percent: 84}},

	// credit banks
	{transcript: transcript{
		file: "BCB-RPL-000731.pdf", layout: creditbank, school: brightwater, number: "BCB-RPL-000731", issued: "2026-08-14",
		student:  student{name: "Tāwhiri Hēnare Paewai", id: "BW 4410 7782", born: "1984-09-13", admitted: "2024-02-05"},
		award:    award{degree: "Diploma in Trade Supervision, level 5", required: 1200},
		deposits: tradeDeposits,
	}},
	{transcript: transcript{
		file: "credit record Siobhán Ní Dhuibhir.pdf", layout: creditbank, school: brightwater, number: "BCB-RPL-000768", issued: "2026-08-21",
		student:  student{name: "Siobhán Ní Dhuibhir", id: "BW 4413 0951", born: "1991-01-31", admitted: "2025-03-17"},
		award:    award{degree: "Certificate in Aged Care, level 4", required: 600},
		deposits: careDeposits,
		remark:   "Credits for practice in Ireland were assessed on the employer’s attested records.",
	}},
	{transcript: transcript{
		file: "学分银行-学习成果证明-周慕白.pdf", layout: creditbank, school: heluo, number: "HLXF-2026-00528", issued: "2026-09-18",
		student:  student{name: "周慕白", latin: "ZHOU Mubai", id: "6207 1100 3528", born: "1989-07-25", admitted: "2023-03-01"},
		award:    award{degree: "专科：工业机器人技术", required: 800},
		deposits: heluoDeposits,
	}},

	// A scan-age record
	{transcript{
		file: "PJSC 1997 records 0043.pdf", school: prairie, number: "97-0043", issued: "1997-06-09",
		student: student{name: "HOLLOWAY, DEBRA JEAN", id: "92-1877", born: "1974-10-02", admitted: "FALL 1992"},
		award:   award{degree: "BACHELOR OF SCIENCE", field: "MATHEMATICS EDUCATION", conferred: "1996-05-11", honours: "-"},
	}, prairiePlan, 1992, performance{percent: 84, grades: map[string]string{"PED 100": "CR", "PHY 202": "W"}}},
}

var tradeDeposits = []deposit{
	{"Recognition of prior learning", "2024-04-12", "Harbourline Joinery, 11 years", "Plan and set out timber structures", "portfolio, site visit", "4", "Granted", 150},
	{"Recognition of prior learning", "2024-04-12", "Harbourline Joinery, 11 years", "Read and apply building plans", "portfolio, interview", "4", "Granted", 100},
	{"Recognition of prior learning", "2024-05-03", "Harbourline Joinery, 11 years", "Supervise a crew on site", "employer’s testimony", "5", "Granted", 150},
	{"Recognition of prior learning", "2024-05-03", "Volunteer fire brigade, 8 years", "Respond to emergencies at work", "service record", "4", "Granted", 60},
	{"Recognition of prior learning", "2024-05-17", "Marae trust, treasurer, 5 years", "Keep the accounts of a small organisation", "audited accounts", "4", "Granted", 100},
	{"Short courses and micro-credentials", "2024-09-20", "Kōwhai Polytechnic", "Safe work at height", "examination", "3", "Merit", 40},
	{"Short courses and micro-credentials", "2024-11-29", "Kōwhai Polytechnic", "Resource consents in practice", "assignment", "5", "Achieved", 80},
	{"Short courses and micro-credentials", "2025-03-14", "Southern Institute of Trades", "Estimating and tendering", "examination", "5", "Merit", 120},
	{"Short courses and micro-credentials", "2025-06-27", "Southern Institute of Trades", "Low-energy building envelopes", "project", "5", "Excellence", 150},
	{"Credit transferred", "2025-08-08", "Fairhaven College", "Communication in the workplace", "transcript 2009", "4", "Transferred", 50},
	{"Credit transferred", "2025-08-08", "Fairhaven College", "Business mathematics", "transcript 2009", "4", "Transferred", 50},
	{"Examinations of the bank", "2026-02-20", "Brightwater Credit Bank", "Health and safety law", "written examination", "5", "Achieved", 80},
	{"Examinations of the bank", "2026-07-31", "Brightwater Credit Bank", "Leading and coaching apprentices", "observed practice", "5", "Excellence", 100},
}

var careDeposits = []deposit{
	{"Recognition of prior learning", "2025-05-09", "Glenmara House, Ireland, 6 years", "Support people with daily living", "attested record", "3", "Granted", 120},
	{"Recognition of prior learning", "2025-05-09", "Glenmara House, Ireland, 6 years", "Infection prevention", "attested record", "3", "Granted", 40},
	{"Recognition of prior learning", "2025-06-20", "Glenmara House, Ireland, 6 years", "Record and hand over observations", "portfolio, interview", "4", "Granted", 80},
	{"Short courses and micro-credentials", "2025-10-10", "Kōwhai Polytechnic", "Te reo Māori for carers", "oral examination", "3", "Merit", 60},
	{"Short courses and micro-credentials", "2025-12-05", "Kōwhai Polytechnic", "Living well with dementia", "assignment", "4", "Excellence", 100},
	{"Examinations of the bank", "2026-07-24", "Brightwater Credit Bank", "Medication and consent", "written examination", "4", "Merit", 80},
}

var heluoDeposits = []deposit{
	{"一、学历教育课程", "2023-07-10", "河洛开放大学", "机械制图", "成绩单 86分", "5", "存入", 64},
	{"一、学历教育课程", "2023-07-10", "河洛开放大学", "电工电子技术", "成绩单 79分", "5", "存入", 72},
	{"一、学历教育课程", "2024-01-15", "河洛开放大学", "可编程控制器应用", "成绩单 91分", "5", "存入", 64},
	{"一、学历教育课程", "2024-07-12", "河洛开放大学", "工业机器人编程", "成绩单 88分", "6", "存入", 80},
	{"二、职业技能等级与证书", "2024-09-02", "职业技能等级认定", "电工（三级／高级工）", "证书编号末四位 3071", "5", "认定", 160},
	{"二、职业技能等级与证书", "2025-03-20", "职业技能等级认定", "工业机器人系统运维员（四级）", "证书编号末四位 8846", "4", "认定", 120},
	{"三、工作经历与业绩", "2025-05-16", "青石岭机电设备有限公司，9年", "生产线改造项目（技术骨干）", "单位证明、现场答辩", "5", "认定", 96},
	{"三、工作经历与业绩", "2025-05-16", "青石岭机电设备有限公司，9年", "带徒传艺（三名学徒）", "单位证明", "4", "认定", 32},
	{"四、培训与网络课程", "2025-11-08", "社区学院", "安全生产与应急管理", "结业证书", "4", "存入", 24},
	{"四、培训与网络课程", "2026-04-25", "河洛慕课平台", "人工智能通识", "结业证书 93分", "4", "存入", 40},
	{"四、培训与网络课程", "2026-08-30", "河洛慕课平台", "职业英语", "结业证书 82分", "4", "存入", 48},
}
