/**
 * What the built-in calibration chats consist of (calibration-chats.ts): made-up small talk, facts with two questions
 * each, and questions that ask for nothing of a chat. A question in other words shares no content word with the
 * round that tells the fact, so that heads which match words can be told from those which match meaning.
 *
 * The texts are lines, since they are many:
 *
 *     exchanges   message | reply
 *     facts       message | its question | the question in other words | a value, another, ...      $ stands for the value
 *
 * What asks for nothing shares no content word with the talk either: it measures noise, and a chance match is none.
 */

export interface Talk {
  system: string;
  exchanges: string;
  facts: string;
  /** Replies to a message that tells a fact. */
  replies: string;
  /** Questions that ask for nothing of the chat. */
  nothing: string;
}

export const ENGLISH: Talk = {
  system: "You are a helpful assistant.",
  exchanges: `
It has rained for five days and the lawn is a swamp. | Then the frogs are happy at least. Wait until it dries before you mow.
Is it worth planting tomatoes in pots, or do they need a proper bed? | Pots work well if they hold ten litres or more and get water every day.
I dug up the potatoes and half of them were eaten by slugs. | Harvest a little earlier next time, and water in the morning only.
My compost heap smells awful. What am I doing wrong? | It is probably too wet. Mix in torn cardboard and turn it once a week.
The apple tree finally has blossoms after four years of nothing! | Patience paid off. With luck you can bake a pie in autumn.
How do I keep basil alive on the windowsill? | Pick the tips often, water from below and keep it out of the cold draught.
I burnt the onions again because I was reading at the stove. | Lower heat and a timer help. Burnt onions taste bitter whatever you add.
What can I cook with chickpeas, half a cabbage and some rice? | Fry the cabbage with cumin, add the chickpeas and serve it all over the rice.
My sourdough never rises properly in this cold kitchen. | Put the bowl in the oven with only the lamp on, and give it twice the time.
Are cast iron pans really better, or is that just a fashion? | They hold heat well and last for generations, but they are heavy and need some care.
We tried to make dumplings and they all fell apart in the water. | Seal the edges with egg white, and let the water simmer rather than boil.
I like my toast nearly black, everybody else thinks that is mad. | Tastes differ. Just open a window before the alarm goes off.
The film last night was three hours long and I slept through the middle. | Then you got the best of it: the beginning, the end and a good rest.
Can you recommend a comedy that is not too silly? | Try one of the old British ones from the fifties, they are dry and clever.
I cannot stand it when people talk in the cinema. | Many feel that way. A polite word early on usually does the trick.
The series everybody praised bored me after two episodes. | You gave it a chance. There is no duty to finish anything.
Why do trailers always give away the whole plot? | Tests show that viewers buy more seats when they know what they will get.
I ran eleven kilometres today and my knees feel like rusty hinges. | Take a day off and try softer ground. Shorter steps spare the knees too.
Is swimming better than running for the back? | Usually yes, since the water carries you and the muscles work evenly.
I signed up for a climbing course and now I am scared. | That is normal. They start on a low wall, and the rope holds far more than you weigh.
Our team lost seven to one on Saturday. | Ouch. At least somebody scored, and the next match starts at nil again.
Yoga makes me laugh because I topple over in every pose. | Laughing relaxes as well. Stand near a wall until your balance gets better.
My old bicycle has a squeak that drives me crazy. | Oil the chain first. If it stays, check whether the saddle post is dry.
The train at twenty past eight was cancelled again this morning. | How annoying. Did they at least tell you when the next one would come?
I always get a window seat and then I never look out. | The comfort of leaning against something may be all you want from it.
Do I need a visa for a long weekend abroad? | That depends on your passport and the country. The embassy's page tells you.
We are thinking about a holiday in the mountains without phones. | Sounds restful. Tell somebody your route before you leave.
Packing light is impossible for me, I carried nine jumpers last time. | Lay everything out, then put half of it back in the wardrobe.
My suitcase lost a wheel in the middle of the station. | Some makers send spare wheels. Measure the axle before you order.
The tent leaks at the seams whenever there is dew. | Seam sealer from an outdoor shop fixes that. Let it dry for a whole day.
I read forty pages and still have no idea who the murderer is. | That speaks for the author. Keep an eye on whoever is too friendly.
Are audio editions cheating, or do they count as reading? | They count. The story reaches you all the same, and your eyes get a rest.
I keep starting new books before I finish the old ones. | Put the unfinished ones in sight and allow yourself only two at a time.
Poetry never made sense to me at school. | Perhaps read it aloud, slowly, without looking for a hidden meaning.
The library charged me a fine of two euros for a comic. | Cheap compared to buying it. They may send reminders if you ask.
My neighbour drills holes every Sunday morning. | Ask kindly whether he could start after ten. Most people simply do not notice.
There was a power cut and we played cards by candlelight. | Those evenings are often the ones that people remember.
The lift in our house has been broken for two weeks. | Then your legs are getting stronger. Has the landlord been told in writing?
I found an owl's feather on the balcony. | What a lovely find. Owls fly so quietly because the edges are fringed.
How do I get a raven to trust me? | Come at the same hour, move slowly and leave unsalted nuts in the same place.
We counted fourteen swallows on the wire this evening. | They may be gathering for the journey south, it is that time of year.
The hedgehog under our shed snores. Is that normal? | Yes, they grunt and snore quite loudly. It means that it feels safe.
I cannot fall asleep before one o'clock these days. | Get up at the same time every day and leave the screen in another room.
My back hurts from sitting at the desk. | Stand up every half hour, and bring the screen up to the height of your eyes.
I have had a cold for ten days and I am tired of handkerchiefs. | Rest and drink a lot. If it lasts much longer, let a doctor have a look.
The dentist says I grind my teeth at night. | Many do, often from stress. A splint protects them while you find the cause.
How much water should one really drink? | About a litre and a half is plenty for most, more when it is hot.
I painted the hall and now it looks like a submarine. | Brighter lamps or a mirror can rescue it. Or you learn to love the deep sea.
The shelf I put up fell down in the night with a terrible crash. | Did you use plugs that suit the wall? Plasterboard needs special ones.
Which glue holds a wooden chair leg? | Ordinary wood glue, clamped overnight. Scrape the old remains off first.
The tap drips and I have no idea how to stop it. | Close the valve below, unscrew the handle and change the rubber washer.
We need a sofa that fits through a door of seventy centimetres. | Look for one in parts, or with legs and arms that come off.
My phone is full of photographs that I never look at. | Delete ten every evening while you wait for something. It adds up.
The laptop gets so hot that I could fry an egg on it. | Clean the fan with compressed air, and do not use it on a blanket.
I forgot my password for the third time this week. | A password manager would spare you that, you need to remember a single one.
Should I repair the printer or throw it out of the window? | Clean the print head first. Windows are best kept for fresh air.
Are paper diaries still a thing? | Very much so, many find that they plan better with a pen in the hand.
The museum had a whole room of broken clocks. | How odd and charming. Did any of them show the right hour by chance?
I do not understand modern sculpture, but I like walking around it. | Walking around is half of understanding it.
We saw the meteor shower from the roof, at least thirty of them. | Wonderful! The best hours come after midnight, when the sky is darkest.
Why is the moon so large near the horizon? | It is an illusion: the eye compares it with houses and trees.
Chess makes me nervous because I only see traps. | Look for your own plan first, then ask what the other wants.
The puzzle has a thousand pieces and one is missing. | It may be inside the vacuum cleaner. Makers often replace lost pieces.
My nephew beat me at draughts and danced on the table. | A worthy winner. Ask for a rematch after dessert.
I want to learn a language, but grammar sends me to sleep. | Begin with songs and short talks; the rules make sense once you have examples.
Is it rude to correct somebody's spelling? | In private and gently it is a kindness, in public it rarely is.
The flea market was full of lamps that nobody could want. | Somebody will. A new shade does wonders for an ugly foot.
I spent far too much on cheese at the market. | There are worse ways to ruin oneself. Wrap it in paper, not in plastic.
How do I say no to overtime without a quarrel? | Say early what you can do and by when, and leave out the excuses.
The meeting could have been three lines of text. | Suggest that next time; a good summary makes many meetings needless.
I am giving a speech on Friday and my hands are shaking already. | Practise the first two sentences until they come by themselves.
Our choice for the office party is between bowling and a quiz. | A quiz lets everybody talk, bowling lets everybody move. Mix the teams.
I tried to knit a scarf and made a triangle. | You probably lost stitches at the edge. Count them at the end of each row.
The dance class needs one more man, and I have two left feet. | That is what the class is for. Nobody looks at your feet but you.
My saving plan lasted until Tuesday. | Start smaller: one envelope with cash for the week, and no more.
Do candles really make a room warmer? | Hardly. A candle gives as much heat as a small lamp, but it feels cosy.
`,
  facts: `
I am allergic to $, so I have to be careful in restaurants. | What am I allergic to? | Which food must I never eat? | hazelnuts, shellfish, celery
My shoe size is $, whatever the label says. | What is my shoe size? | Which number fits my feet? | 41, 38, 46
The name of our boat is $; we launched it last spring. | What is the name of our boat? | What did I call the vessel that I sail? | Petrel, Marigold, Halcyon
The date of our wedding is the $. | What is the date of our wedding? | On which day do I get married? | 12th of June, 3rd of May, 21st of September
The Wi-Fi at the cottage is called $. | What is the Wi-Fi at the cottage called? | Which network do I join in the holiday house? | bluegate, tinfox, larkspur
My favourite soup is $, with a lot of cream. | What is my favourite soup? | Which hot starter do I like best? | leek, lentil, pumpkin
I have to take my medicine at $. | When do I have to take my medicine? | At what hour should I swallow those pills? | a quarter to nine, half past four, ten past seven
The licence plate of our van ends in $. | What does the licence plate of our van end in? | Which letters are on the bumper of my vehicle? | KLM, RXT, VOB
The publisher of my novel is $. | Who is the publisher of my novel? | Which company brings out the book I wrote? | Harrow Press, Lantern House, Millstone
I have been practising the $ since last winter. | What have I been practising since last winter? | Which instrument do I play? | oboe, cello, bassoon
My grandmother's village is called $; it has one street. | What is my grandmother's village called? | Where was the mum of my dad born? | Aldersyde, Fennimore, Corran
I left the car on parking level $. | On which parking level did I leave the car? | Which floor of the garage did I stop at? | C4, B2, D7
The rehearsals of our choir are in the $. | Where are the rehearsals of our choir? | Which building do I go to for singing? | chapel, boathouse, windmill
The spare key is under the $. | Where is the spare key? | How do I get in when I am locked out? | flowerpot, doormat, rain barrel
The number of our hotel room is $. | What is the number of our hotel room? | Behind which door do we sleep tonight? | 317, 208, 512
I drink my tea with $ in it. | What do I drink my tea with? | How do I like that hot cup in the afternoon? | honey, ginger, oat milk
`,
  replies: `
Fine, now I know.
Good to know, I will keep that in mind.
All right, I have made a note of it.
I will remember that.
`,
  nothing: `
Hello!
Tell me a joke.
Thanks!
What is the capital of France?
Okay.
Who wrote Hamlet?
Hi, how are you?
Invent a limerick with a dragon.
What is the square root of 49?
You are great!
Who discovered America?
Explain what an atom is.
`,
};

export const GERMAN: Talk = {
  system: "Du bist ein hilfreicher Assistent.",
  exchanges: `
Seit Tagen regnet es, und der Rasen steht unter Wasser. | Dann freuen sich wenigstens die Frösche. Mähen kannst du erst, wenn er trocken ist.
Wie halte ich Basilikum auf der Fensterbank am Leben? | Oft die Spitzen ernten, von unten gießen und vor Zugluft schützen.
Mir sind schon wieder die Zwiebeln angebrannt. | Weniger Hitze und ein Wecker helfen. Verbrannte Zwiebeln bleiben leider bitter.
Der Film gestern war so lang, dass ich in der Mitte eingeschlafen bin. | Dann hast du das Beste gesehen: Anfang und Ende, und ausgeruht bist du auch.
Der Zug um zwanzig nach acht ist heute wieder ausgefallen. | Wie ärgerlich. Gab es wenigstens eine Durchsage, wann der nächste kommt?
Mein Fahrrad quietscht, und ich finde die Ursache nicht. | Öle zuerst die Kette. Danach würde ich mir die Sattelstütze ansehen.
Der Nachbar bohrt jeden Sonntagmorgen Löcher in die Wand. | Bitte ihn freundlich, erst nach zehn anzufangen. Oft merkt man es selbst gar nicht.
Ich kann zurzeit vor ein Uhr nicht einschlafen. | Steh jeden Tag zur selben Zeit auf, und lass den Bildschirm in einem anderen Zimmer.
Welcher Leim hält ein Stuhlbein? | Gewöhnlicher Holzleim, über Nacht festgeklemmt. Kratze vorher die alten Reste ab.
Am Abend saßen vierzehn Schwalben auf der Leitung. | Wahrscheinlich sammeln sie sich für den Flug in den Süden.
Das Puzzle hat tausend Teile, und eines fehlt. | Vielleicht steckt es im Staubsauger. Viele Hersteller schicken Ersatz.
`,
  facts: `
Ich bin gegen $ allergisch und muss aufpassen. | Wogegen bin ich allergisch? | Welches Lebensmittel darf ich nie essen? | Haselnüsse, Sellerie
Meine Schuhgröße ist $, und das seit Jahren. | Welche Schuhgröße habe ich? | Welche Nummer passt an meine Füße? | 47, 36
Meine Medizin muss ich immer um $ einnehmen. | Wann muss ich meine Medizin einnehmen? | Zu welcher Uhrzeit schlucke ich die Tabletten? | Viertel vor neun, halb fünf
Ich habe das Auto auf Parkdeck $ abgestellt. | Auf welchem Parkdeck habe ich das Auto abgestellt? | In welcher Etage der Garage steht mein Wagen? | C4, B2
Seit dem Winter übe ich $. | Was übe ich seit dem Winter? | Welches Instrument spiele ich? | Oboe, Fagott
`,
  replies: `
Gut, das merke ich mir.
Gut zu wissen.
In Ordnung, ich habe es notiert.
`,
  nothing: `
Hallo!
Erzähl mir einen Witz.
Danke schön!
Was ist die Hauptstadt von Frankreich?
Wer hat Hamlet geschrieben?
Schreib einen Limerick über einen Drachen.
`,
};

export const FRENCH: Talk = {
  system: "Tu es un assistant serviable.",
  exchanges: `
Il pleut depuis cinq jours et la pelouse est un marécage. | Les grenouilles sont contentes, au moins. Attends qu'elle sèche avant de tondre.
Comment garder du basilic en vie sur le rebord de la fenêtre ? | Cueille souvent les pointes, arrose par le bas et évite les courants d'air.
J'ai encore laissé brûler les oignons en lisant. | Baisse le feu et mets un minuteur. Des oignons brûlés restent amers.
Le film d'hier était si long que je me suis endormi au milieu. | Tu as donc vu le meilleur : le début et la fin, et tu es reposé.
Le train de huit heures vingt a encore été annulé ce matin. | C'est agaçant. Ont-ils au moins annoncé le suivant ?
Mon vélo grince et je ne trouve pas d'où cela vient. | Huile d'abord la chaîne, puis regarde du côté de la selle.
Le voisin perce des trous tous les dimanches matin. | Demande-lui gentiment de commencer après dix heures. Souvent, on ne s'en rend pas compte.
En ce moment, je n'arrive pas à m'endormir avant une heure du matin. | Lève-toi toujours à la même heure et laisse l'écran dans une autre pièce.
Quelle colle faut-il pour un pied de chaise ? | De la colle à bois ordinaire, serrée toute une nuit. Gratte d'abord les restes.
Nous avons compté quatorze hirondelles sur le fil ce soir. | Elles se rassemblent sans doute avant de partir vers le sud.
Il manque une pièce à notre puzzle de mille pièces. | Elle est peut-être dans l'aspirateur. Beaucoup de fabricants les remplacent.
`,
  facts: `
Je suis allergique aux $, alors je fais attention. | À quoi suis-je allergique ? | Quel aliment ne dois-je jamais manger ? | noisettes, crevettes
Ma pointure, c'est le $, depuis des années. | Quelle est ma pointure ? | Quelle taille de chaussures me va ? | 47, 36
Je dois prendre mon médicament à $. | Quand dois-je prendre mon médicament ? | À quel moment de la journée faut-il avaler ces comprimés ? | neuf heures moins le quart, seize heures trente
J'ai laissé la voiture au niveau $ du parking. | À quel niveau du parking ai-je laissé la voiture ? | Où se trouve mon véhicule dans le garage ? | C4, B2
Depuis cet hiver, j'apprends le $. | Qu'est-ce que j'apprends depuis cet hiver ? | De quel instrument est-ce que je joue ? | hautbois, violoncelle
`,
  replies: `
D'accord, je m'en souviendrai.
C'est bon à savoir.
Très bien, je l'ai noté.
`,
  nothing: `
Bonjour !
Raconte-moi une blague.
Merci !
Quelle est la capitale de la France ?
Qui a écrit Hamlet ?
Invente une fable sur un dragon.
`,
};

export const SPANISH: Talk = {
  system: "Eres un asistente servicial.",
  exchanges: `
Lleva cinco días lloviendo y el césped es un pantano. | Al menos las ranas están contentas. Espera a que se seque para cortarlo.
¿Cómo mantengo viva la albahaca en el alféizar? | Corta las puntas a menudo, riégala por abajo y evita las corrientes de aire.
Se me han vuelto a quemar las cebollas por estar leyendo. | Baja el fuego y pon un temporizador. Las cebollas quemadas siempre amargan.
La película de anoche era tan larga que me dormí a la mitad. | Entonces viste lo mejor: el principio y el final, y además descansaste.
Esta mañana han vuelto a cancelar el tren de las ocho y veinte. | Qué fastidio. ¿Avisaron al menos de cuándo salía el siguiente?
Mi bicicleta chirría y no encuentro la causa. | Engrasa primero la cadena y después mira la tija del sillín.
El vecino taladra la pared todos los domingos por la mañana. | Pídele con amabilidad que empiece después de las diez. Muchas veces uno no se da cuenta.
Últimamente no consigo dormirme antes de la una. | Levántate siempre a la misma hora y deja la pantalla en otra habitación.
¿Qué cola sirve para la pata de una silla? | Cola de carpintero normal, bien sujeta toda la noche. Antes raspa los restos.
Esta tarde contamos catorce golondrinas en el cable. | Seguramente se reúnen antes de volar hacia el sur.
Al rompecabezas de mil piezas le falta una. | Puede que esté en la aspiradora. Muchos fabricantes mandan repuestos.
`,
  facts: `
Tengo alergia a las $, así que debo ir con cuidado. | ¿A qué tengo alergia? | ¿Qué alimento no puedo comer nunca? | avellanas, gambas
Mi talla de zapatos es la $ desde hace años. | ¿Cuál es mi talla de zapatos? | ¿Qué número calzo? | 47, 36
Tengo que tomar mi medicina a las $. | ¿Cuándo tengo que tomar mi medicina? | ¿En qué momento del día me trago esas pastillas? | nueve menos cuarto, cuatro y media
He dejado el coche en la planta $ del aparcamiento. | ¿En qué planta del aparcamiento he dejado el coche? | ¿Dónde está mi vehículo dentro del garaje? | C4, B2
Desde el invierno estoy practicando el $. | ¿Qué estoy practicando desde el invierno? | ¿Qué instrumento toco? | oboe, violonchelo
`,
  replies: `
Muy bien, lo tendré en cuenta.
Es bueno saberlo.
De acuerdo, lo he apuntado.
`,
  nothing: `
¡Hola!
Cuéntame un chiste.
¡Gracias!
¿Cuál es la capital de Francia?
¿Quién escribió Hamlet?
Inventa una rima sobre un dragón.
`,
};
