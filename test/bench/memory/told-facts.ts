/**
 * What the chats of the memory benchmark consist of (told-chats.ts), made up for it: no line is of the calibration
 * chats (src/engine/rounds/calibration-talk.ts), which retrieval heads are chosen on. Each line is in parts; $ stands
 * for the value, which no other line says.
 *
 *     FACTS     message | its question | the question in other words | how the answer begins | a value, another, ...
 *     REPLIES   message | reply | a return to it | how the answer begins | a value, another, ...
 *     FILLER    message | reply
 *
 * A question in other words shares no content word with the message, so that words alone do not find it. A return
 * asks for what the reply said.
 */
export const SYSTEM = "You are a helpful assistant.";

export const FACTS = `
I parked the bicycle behind the $. | Where did I park the bicycle? | In which spot is my two-wheeler? | You parked it behind the | bakery, fountain, post office
My dentist is Doctor $. | Who is my dentist? | Which person looks after my teeth? | Your dentist is Doctor | Okafor, Lindqvist, Marchetti
The password of the printer is $. | What is the password of the printer? | What must I type before paper comes out? | The password is | velvet, thunder, pelican
Our puppy is named $. | What is our puppy named? | What do we shout when the dog runs away? | Your puppy is named | Biscuit, Pixel, Rumba
I was born in the town of $. | In which town was I born? | Where did my life begin? | You were born in | Kilkenny, Ostuni, Bergen
My flight leaves from gate $. | From which gate does my flight leave? | Where do I board the plane? | Your flight leaves from gate | B19, F42, A31
My sister works as a $. | What does my sister work as? | What is the job of the other daughter of our parents? | Your sister works as a | welder, florist, beekeeper
The code of the garage is $. | What is the code of the garage? | Which digits open the place for the car? | The code is | 5093, 7718, 2264
I lent my ladder to $. | To whom did I lend my ladder? | Which neighbour still has the thing to climb on? | You lent it to | Gustav, Priya, Malcolm
My favourite colour is $. | What is my favourite colour? | In which shade should they paint the room, to please me? | Your favourite colour is | turquoise, maroon, ochre
The topic of my thesis is $. | What is the topic of my thesis? | What am I writing about at university? | The topic of your thesis is | glaciers, volcanoes, lighthouses
My grandfather collected $. | What did my grandfather collect? | What was in all those boxes of mum's dad? | Your grandfather collected | thimbles, fossils, postcards
The rent of our flat is $ euros. | What is the rent of our flat? | How much do we pay the landlord every month? | The rent of your flat is | 640, 815, 1170
My piano teacher lives in $ Street. | In which street does my piano teacher live? | Which address do I go to for music lessons? | Your piano teacher lives in | Juniper, Hawthorn, Orchard
I keep the passports in the $. | Where do I keep the passports? | Which place did I choose for my travel papers? | You keep them in the | biscuit tin, piano stool, blue suitcase
The name of my band is $. | What is the name of my band? | What are we called when we play on stage? | The name of your band is | Paper Wolves, Salt Parade, Iron Daisy
My new boss is $. | Who is my new boss? | Which person tells me what to do at the office? | Your new boss is | Henrietta, Tobias, Ingrid
I promised to bring $ to the picnic. | What did I promise to bring to the picnic? | What do the others expect from me for the meal in the park? | You promised to bring | lemonade, meatballs, cherries
We will meet at the $. | Where will we meet? | At which place are the others going to wait for me? | You will meet at the | clock tower, ferry dock, windmill
My cousin is moving to $. | Where is my cousin moving to? | In which country is the son of my uncle going to live? | Your cousin is moving to | Portugal, Norway, Chile
`;

export const REPLIES = `
Which herb goes well with lamb? | Try $, and a little garlic. | Back to the lamb: which herb did you name? | I named | lovage, tarragon, savory
Think of a name for my café. | How about "$"? | Let us go back to my café: which name did you think of? | I thought of | Copper Spoon, Blue Kettle, Quiet Corner
Give me a number for my raffle ticket. | Take $, it sounds lucky. | About that raffle ticket again: which number did you give me? | I gave you | 358, 914, 672
Which game shall we play with grandma? | Play $, that is easy to learn. | Back to grandma: which game did you suggest? | I suggested | dominoes, charades, backgammon
We need a word as a secret signal. | Take "$", nobody says that by chance. | Once more about the secret signal: which word was it? | The word was | marmalade, kingfisher, umbrella
What flower should I plant by the gate? | Plant $ there, they like shade. | To return to the gate: what flower should I plant there? | You should plant | foxgloves, lupins, dahlias
Where could we go for our Sunday walk? | Go to the $, it is lovely there. | And our Sunday walk, where did you say we could go? | I said you could go to the | quarry, heron pond, viaduct
What shall I dress up as for the carnival? | Go as a $, that is quickly made. | Back to the carnival: what shall I dress up as? | You could dress up as a | scarecrow, jellyfish, lamplighter
`;

export const FILLER = `
It snowed all night. | Wrap up warm, then.
My tea went cold again. | A small pot with a lid helps.
How long do I boil an egg? | Six minutes for a soft one.
The bus was late today. | How annoying.
I love the smell of rain. | Many people do.
Is seven hours of sleep enough? | For most adults, yes.
My shoes are soaked. | Stuff them with newspaper.
We had pancakes for supper. | That sounds delicious.
The neighbours are very loud. | Earplugs may help for now.
Can cats see in the dark? | They need very little light.
I broke a glass this morning. | I hope that you did not cut yourself.
My plants look sad. | Perhaps they want more light.
I finally cleaned the oven. | That was hard work, well done.
Why is the sky blue? | Air scatters blue light the most.
My head hurts a bit. | Drink some water and rest.
I cannot find my glasses. | Have you looked on your head?
The concert was wonderful. | I am glad that you enjoyed it.
Do fish sleep? | They rest, with open eyes.
I have to iron nine shirts. | Put on some music meanwhile.
We saw a fox in the garden. | Lucky you, they are shy.
My soup was too salty. | Next time add a potato.
Is honey good for a cough? | It can soothe the throat.
The lamp flickers. | The bulb may be loose.
I won at cards yesterday. | Congratulations!
My coat lost a button. | Sew it on before you lose it.
How do I get rid of ants? | Close the cracks and wipe the trail.
The milk has gone sour. | You can still bake with it.
I walked ten miles. | Your feet deserve a rest.
My hair is a mess today. | A hat solves that.
What is a haiku? | A short poem of three lines.
We planted an oak. | Your grandchildren will thank you.
The news makes me tired. | A day without it does no harm.
I dreamt that I could fly. | That is a pleasant dream.
How do I fold a fitted sheet? | Tuck the corners into each other.
My tyre is flat. | Look for a nail before you pump.
The moon is full tonight. | Then it will be a bright night.
I am learning to juggle. | Start with two balls.
Our cellar smells damp. | Air it on dry days.
The bread was hard as stone. | Toast it, or make crumbs.
Should I wear a tie? | Only if the others do.
I sneezed all day. | It may be the pollen.
My pen leaks. | Keep it upright.
They closed our swimming pool. | That is a pity.
How tall do sunflowers get? | Three metres or so.
My watch stopped. | It may need a battery.
I ate too much cake. | A walk will help.
The kitchen drawer is stuck. | Rub some wax on the rails.
What rhymes with orange? | Hardly anything does.
Our hens lay no eggs in winter. | They need more daylight.
I missed the sunset. | There is another tomorrow.
My jumper shrank. | Wash wool in cold water.
Are bats blind? | No, they see quite well.
I talked to my plants today. | They will not mind.
The wind took my hat. | I hope it landed softly.
How do I remove a wine stain? | Salt and cold water, quickly.
I have the hiccups. | Hold your breath for a moment.
The film made me cry. | Good stories do that.
My bag is far too heavy. | Leave half of it at home.
Is it bad to crack my fingers? | It seems to do no harm.
We baked bread together. | The best way to spend an evening.
The queue was endless. | At least it is over now.
My ears are cold. | Time for a woolly cap.
`;
